// Command measure prints the measured properties of the code beside their
// goals, and ends with 1 where a hard goal is missed. Generated files and
// tests are left out of every property but the share of tests.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"healthportal/tools/source"
)

func main() {
	os.Exit(start(os.Args[1:], os.Stdout, os.Stderr))
}

// start answers the exit code: 0 each hard goal met, 1 not, 2 usage.
func start(args []string, out, errs io.Writer) int {
	flags := flag.NewFlagSet("measure", flag.ContinueOnError)
	flags.SetOutput(errs)
	all := flags.Bool("all", false, "name every place that misses a goal, not the first five")
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil || flags.NArg() > 0 {
		fmt.Fprintln(errs, "measure: takes flags only; see measure -h")
		return 2
	}
	root, err := source.Root(".")
	if err != nil {
		fmt.Fprintln(errs, "measure:", err)
		return 1
	}
	tree, err := source.Load(root)
	if err != nil {
		fmt.Fprintln(errs, "measure:", err)
		return 1
	}
	properties := measure(tree)
	if err := print(out, properties, *all); err != nil {
		fmt.Fprintln(errs, "measure: writing the table:", err)
		return 1
	}
	for _, p := range properties {
		if p.hard && !p.met {
			return 1
		}
	}
	return 0
}

// property is one line of the table.
type property struct {
	name, goal, value string
	met               bool
	hard              bool     // missing it fails the run
	places            []string // where it is missed, worst first
}

func measure(tree source.Tree) []property {
	c := codeOf(tree)
	var all []property
	all = append(all, sizes(c)...)
	all = append(all, graph(tree)...)
	all = append(all, stores(c))
	all = append(all, comments(c)...)
	all = append(all, failures(c)...)
	all = append(all, state(c)...)
	return append(all, testShare(tree))
}

func (p property) verdict() string {
	switch {
	case p.met:
		return "met"
	case p.hard:
		return "MISSED"
	}
	return "missed (soft)"
}

// shownPlaces is how many places a missed goal names without -all.
const shownPlaces = 5

func print(out io.Writer, properties []property, all bool) error {
	table := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "PROPERTY\tGOAL\tVALUE\tVERDICT")
	for _, p := range properties {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", p.name, p.goal, p.value, p.verdict())
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, p := range properties {
		if p.met || len(p.places) == 0 {
			continue
		}
		fmt.Fprintf(out, "\n%s:\n", p.name)
		for i, place := range p.places {
			if i == shownPlaces && !all {
				fmt.Fprintf(out, "  and %d more (-all names them)\n", len(p.places)-i)
				break
			}
			fmt.Fprintf(out, "  %s\n", place)
		}
	}
	return nil
}

// none is a hard property whose goal is that no place breaks it.
func none(name string, places []string) property {
	return property{name: name, goal: "0", value: fmt.Sprint(len(places)), met: len(places) == 0, hard: true, places: places}
}
