package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"healthportal/app/access"
	"healthportal/app/demo"
	"healthportal/app/health"
	"healthportal/app/intake"
	"healthportal/app/intake/fhir"
	"healthportal/app/people"
	"healthportal/app/portal"
)

// demoSeed makes every demo the same clinic.
const demoSeed = 20260101

type demoCommand struct{}

// Run fills the database with the synthetic clinic, through the ordinary
// importers, unless it did so before; then serves, and prints one enrolment
// link per role.
func (demoCommand) Run(r *run) (err error) {
	dir := filepath.Join(r.cfg.DataDir, "demo")
	r.cfg.ManifestPath = filepath.Join(dir, "manifest.yaml")
	ln, err := portal.Listen(r.ctx, r.cfg.Addr)
	if err != nil {
		return err
	}
	p, err := r.open()
	if err != nil {
		ln.Close() //nolint:errcheck // nothing was served
		return err
	}
	defer closing(p, &err)
	d := &demoRun{run: r, p: p, dir: dir, began: time.Now()}
	if err := d.fill(); err != nil {
		return errors.Join(err, closeListener(ln))
	}
	links, err := d.links()
	if err != nil {
		return errors.Join(err, closeListener(ln))
	}
	return p.Serve(r.ctx, ln, func() {
		d.say("ready at %s", r.cfg.Origin)
		for _, line := range links {
			fmt.Fprintln(r.Stdout, line) //nolint:errcheck // the links are on the way to a terminal
		}
		d.say("open a link in a browser, create a passkey, sign in; Ctrl-C stops the demo and keeps its data")
	})
}

func closeListener(ln net.Listener) error {
	if err := ln.Close(); err != nil {
		return fmt.Errorf("close the listener: %w", err)
	}
	return nil
}

// demoRun is one start of the demo.
type demoRun struct {
	*run
	p     *portal.Portal
	dir   string
	began time.Time
}

// say prints a line of progress.
func (d *demoRun) say(format string, args ...any) {
	fmt.Fprintf(d.Stderr, "demo: %5.1fs %s\n", time.Since(d.began).Seconds(), fmt.Sprintf(format, args...))
}

// errNotDemo keeps the demo away from real data.
var errNotDemo = errors.New("this database holds a clinic that is not the demo's: choose another PORTAL_DATA (or DATABASE_URL) for the demo")

// fill makes the clinic and brings it in. A fill that was cut off starts again:
// the importers store nothing twice. The first fill's day stays the demo's day.
func (d *demoRun) fill() error {
	state, day, err := d.state()
	if err != nil {
		return err
	}
	if state == "filled" {
		return d.restore(demo.New(demoSeed, day))
	}
	d.say("making a synthetic clinic as of %s: 16 patients, two years, about a million events", day)
	clinic := demo.New(demoSeed, day)
	if err := d.reports(clinic); err != nil {
		return err
	}
	for _, team := range clinic.Teams() {
		if err := d.events(clinic, team.Name); err != nil {
			return err
		}
	}
	if err := d.p.DB.ConsentOfSynthetic(d.ctx); err != nil {
		return err
	}
	if err := d.sync(); err != nil {
		return err
	}
	if _, err := d.p.RefreshViews(d.ctx); err != nil {
		return err
	}
	return d.p.DB.SetSetting(d.ctx, portal.SettingDemo, "filled "+day.String())
}

func (d *demoRun) sync() error {
	sum, err := syncQuietly(d.ctx, d.p)
	if err != nil {
		return err
	}
	d.say("reports: %s", sum.Total)
	return nil
}

// restore writes the report share of a filled database anew where the data
// folder is another one than that of the filling, or was emptied.
func (d *demoRun) restore(clinic *demo.Clinic) error {
	if _, err := os.Stat(d.cfg.ManifestPath); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := d.reports(clinic); err != nil {
		return err
	}
	return d.sync()
}

// state reads how far an earlier demo came: "filled", or "filling" with its day.
func (d *demoRun) state() (string, health.Day, error) {
	value, err := d.p.DB.Setting(d.ctx, portal.SettingDemo)
	if err == nil {
		var state, date string
		if _, err := fmt.Sscan(value, &state, &date); err != nil {
			return "", health.Day{}, fmt.Errorf("the demo's record %q can't be read: %w", value, err)
		}
		day, err := health.ParseDay(date)
		return state, day, err
	}
	if !errors.Is(err, health.ErrNotFound) {
		return "", health.Day{}, err
	}
	has, err := d.p.DB.HasPersons(d.ctx)
	if err != nil {
		return "", health.Day{}, err
	}
	if has {
		return "", health.Day{}, errNotDemo
	}
	zone, err := time.LoadLocation(demo.SiteZone)
	if err != nil {
		return "", health.Day{}, fmt.Errorf("the demo's time zone: %w", err)
	}
	day := health.DayOf(time.Now().In(zone))
	return "filling", day, d.p.DB.SetSetting(d.ctx, portal.SettingDemo, "filling "+day.String())
}

// reports writes the report share and the manifest that names it.
func (d *demoRun) reports(clinic *demo.Clinic) error {
	share := filepath.Join(d.dir, "reports")
	if err := os.MkdirAll(share, 0o700); err != nil {
		return fmt.Errorf("the demo's report folder: %w", err)
	}
	n, err := clinic.WriteReports(share)
	if err != nil {
		return fmt.Errorf("the demo's reports: %w", err)
	}
	if err := demo.WriteManifest(d.cfg.ManifestPath, share, "Synthetic Clinic (demo)"); err != nil {
		return fmt.Errorf("the demo's manifest: %w", err)
	}
	d.say("%d reports written", n)
	return nil
}

// events streams a team's patients and observations into the importer.
func (d *demoRun) events(clinic *demo.Clinic, team string) error {
	read, write := io.Pipe()
	var g errgroup.Group
	g.Go(func() error {
		err := clinic.WritePatients(write, team)
		if err == nil {
			err = clinic.WriteObservations(write, team)
		}
		write.CloseWithError(err)
		return err
	})
	var report intake.Report
	g.Go(func() (err error) {
		report, err = d.importFrom(read, team)
		read.CloseWithError(err)
		return err
	})
	if err := g.Wait(); err != nil {
		return fmt.Errorf("import of team %s: %w", team, err)
	}
	d.say("%s: %s", team, report.Summary())
	if report.Refused > 0 {
		return fmt.Errorf("import of team %s: %d refused, the first: %s", team, report.Refused, report.Problems[0])
	}
	return nil
}

func (d *demoRun) importFrom(in io.Reader, team string) (intake.Report, error) {
	bar := newProgress(d.Stderr)
	defer bar.done()
	return d.p.ImportEvents(d.ctx, fhir.NewReader(in), intake.Options{
		CreatePersons: true, Team: team, Synthetic: true, Progress: func(at intake.Report) { bar.show("demo: " + at.Summary()) },
	})
}

// links adds the staff where they are missing and makes a fresh link for each.
func (d *demoRun) links() ([]string, error) {
	dir, err := d.p.Directory()
	if err != nil {
		return nil, err
	}
	known, err := dir.ListUsers(d.ctx)
	if err != nil {
		return nil, fmt.Errorf("list people: %w", err)
	}
	have := map[string]string{}
	for _, a := range known {
		have[a.Name] = a.PublicID
	}
	var lines []string
	for _, u := range demo.Users() {
		id := have[u.Name]
		if id == "" {
			if id, err = d.addUser(dir, u); err != nil {
				return nil, err
			}
		}
		link, err := dir.NewEnrolment(d.ctx, byCommand, id, people.LinkOptions{})
		if err = d.p.Record(d.ctx, did(access.KindLink, "demo", id, nil), err); err != nil {
			return nil, fmt.Errorf("enrolment link for %s: %w", u.Name, err)
		}
		lines = append(lines, fmt.Sprintf("enrol %s %s", u.Role, link.URL))
	}
	return lines, nil
}

// addUser adds one of the staff and returns the public id.
func (d *demoRun) addUser(dir *people.Directory, u demo.User) (string, error) {
	added, err := dir.AddUser(d.ctx, byCommand, u.Name, u.DisplayName, []access.Role{u.Role})
	act := did(access.KindUserAdd, "demo", added.PublicID, map[string]any{"roles": string(u.Role)})
	if err = d.p.Record(d.ctx, act, err); err != nil {
		return "", fmt.Errorf("add %s: %w", u.Name, err)
	}
	for _, team := range u.Teams {
		if _, err := dir.AddToTeam(d.ctx, team, u.Name); err != nil {
			return "", fmt.Errorf("add %s to team %s: %w", u.Name, team, err)
		}
	}
	return added.PublicID, nil
}
