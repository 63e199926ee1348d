package demo

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"

	"healthportal/app/genomics"
)

// trait is a disease with a polygenic score.
type trait struct {
	slug, name string
	// variants is how many go into the score.
	variants int
	genes    []string
}

func coronary() trait {
	return trait{"polygenic-risk-cad", "Coronary artery disease", 64, []string{"CDKN2B-AS1", "LPA", "PCSK9", "APOB", "LDLR",
		"SORT1", "PHACTR1", "MIA3", "CXCL12", "TCF21", "ADAMTS7", "SH2B3", "APOE", "ABCG8", "IL6R", "COL4A1", "ZC3HC1", "EDNRA"}}
}

func diabetes() trait {
	return trait{"polygenic-risk-t2d", "Type 2 diabetes", 96, []string{"TCF7L2", "PPARG", "KCNJ11", "FTO", "SLC30A8", "IGF2BP2",
		"CDKAL1", "HHEX", "HNF1B", "MTNR1B", "GCK", "IRS1", "ZMIZ1", "JAZF1", "THADA"}}
}

func breastCancer() trait {
	return trait{"polygenic-risk-breast-cancer", "Breast cancer", 40, []string{"FGFR2", "TOX3", "MAP3K1", "LSP1", "ESR1", "TERT",
		"CASP8", "MRPS30", "RAD51B", "ZNF365", "PTHLH", "NEK10"}}
}

func prostateCancer() trait {
	return trait{"polygenic-risk-prostate-cancer", "Prostate cancer", 180, []string{"HNF1B", "MSMB", "KLK3", "CASC8", "TERT",
		"NUDT11", "SLC22A3", "JAZF1", "NKX3-1", "TET2", "EHBP1", "MLPH"}}
}

func fibrillation() trait {
	return trait{"polygenic-risk-af", "Atrial fibrillation", 22, []string{"PITX2", "ZFHX3", "KCNN3", "TBX5", "CAV1", "SYNE2",
		"HCN4", "NEURL1", "PRRX1", "SCN10A"}}
}

// effect is one variant's part in a score. Weight and contribution are counted
// in ten-thousandths, so that the table adds up to the digit.
type effect struct {
	gene, variant, allele string
	dosage, weight        int
	frequency             float64
}

func (e effect) contribution() int { return e.dosage * e.weight }

func tenThousandths(n int) string { return strconv.FormatFloat(float64(n)/10_000, 'f', 4, 64) }

// effects draws the genotypes of a score.
func (t trait) effects(r *rand.Rand) []effect {
	const bases = "ACGT"
	out := make([]effect, t.variants)
	for i := range out {
		e := effect{gene: t.genes[i%len(t.genes)], frequency: 0.05 + 0.9*r.Float64(), weight: int(about(r, 60, 480))}
		for range 2 {
			if r.Float64() < e.frequency {
				e.dosage++
			}
		}
		from := r.IntN(4)
		to := (from + 1 + r.IntN(3)) % 4
		e.allele = bases[to : to+1]
		e.variant = fmt.Sprintf("syn-%d-%d-%s-%s", 1+r.IntN(22), 100_000+r.IntN(60_000_000), bases[from:from+1], e.allele)
		out[i] = e
	}
	slices.SortStableFunc(out, func(a, b effect) int { return cmp.Compare(b.contribution(), a.contribution()) })
	return out
}

// score sums up effects: the raw score and where it lies among the reference population.
type score struct {
	raw        int
	mean, sd   float64
	z          float64
	percentile int
}

func scoreOf(effects []effect) score {
	var s score
	var variance float64
	for _, e := range effects {
		s.raw += e.contribution()
		w := float64(e.weight) / 10_000
		s.mean += 2 * e.frequency * w
		variance += 2 * e.frequency * (1 - e.frequency) * w * w
	}
	s.sd = math.Sqrt(variance)
	s.z = (float64(s.raw)/10_000 - s.mean) / s.sd
	s.percentile = min(99, max(1, int(math.Round(50*math.Erfc(-s.z/math.Sqrt2)))))
	return s
}

func percentileBands() []band {
	return []band{{"reduced", 20, tintCalm()}, {"average", 80, tintPlain()}, {"elevated", 95, tintRaised()}, {"high", 100, tintHigh()}}
}

// level is the word for a percentile.
func (s score) level() string {
	for _, b := range percentileBands() {
		if float64(s.percentile) < b.upTo {
			return b.label
		}
	}
	return "high"
}

const percentileScale = "percentile of the reference population: reduced below 20, average 20-79, elevated 80-94, high from 95"

// polygenic fills in a polygenic risk report; edition counts its amendments.
func polygenic(rep *report, t trait, d *dice, edition int) {
	effects := t.effects(d.on(rep.patient.record, t.slug, edition))
	s := scoreOf(effects)
	rep.slug, rep.kind = t.slug, "polygenic-risk"
	rep.title = "Polygenic risk: " + t.name
	rep.tool = "Synthetic score pipeline 2.1"
	rep.risk = genomics.Risk{Level: s.level(), Scale: percentileScale, Tool: rep.tool, Score: strconv.Itoa(s.percentile)}
	rep.summary = fmt.Sprintf("%s: %s polygenic risk, %s percentile of the reference population, %d variants.",
		t.name, s.level(), ordinal(s.percentile), len(effects))
	rep.sections = []section{
		{heading: "Result", paragraphs: []string{rep.summary,
			"The percentile says how many of a hundred people of the reference population have a lower score. It is no probability of falling ill."},
			scale: &scale{"Percentile among the reference population", percentileBands(), float64(s.percentile), ordinal(s.percentile) + " percentile"}},
		{heading: "What moved the score most", bars: strongest(effects)},
		{heading: "How the score was made", paragraphs: []string{
			fmt.Sprintf("Raw score %s. Mean of the reference population %.4f, standard deviation %.4f, so the score lies %.2f standard deviations from the mean.",
				tenThousandths(s.raw), s.mean, s.sd, s.z),
			"Each contribution is the number of effect alleles times the weight of the variant. Contributions add up to the raw score."}},
		{heading: "All contributions", table: contributions(effects, s)},
		{heading: "Limits", paragraphs: []string{
			"Polygenic scores transfer poorly between populations of different ancestry. Age, blood pressure, smoking, family " +
				"history and rare variants are not part of this score and often weigh more.",
			"A reduced score does not rule the disease out."}},
		closing(),
	}
}

// strongest are the largest contributions on either side of zero.
func strongest(effects []effect) *bars {
	out := &bars{caption: "Largest contributions to the raw score"}
	sorted := slices.Clone(effects)
	slices.SortStableFunc(sorted, func(a, b effect) int {
		return cmp.Compare(max(b.contribution(), -b.contribution()), max(a.contribution(), -a.contribution()))
	})
	for _, e := range sorted[:min(10, len(sorted))] {
		out.items = append(out.items, bar{e.gene, float64(e.contribution()), tenThousandths(e.contribution())})
	}
	return out
}

func contributions(effects []effect, s score) *table {
	t := &table{
		caption: "Variants in the score, by contribution",
		head:    []string{"Gene", "Variant (synthetic)", "Effect allele", "Dosage", "Weight", "Contribution"},
		widths:  []float64{0.17, 0.33, 0.13, 0.10, 0.12, 0.15},
		numeric: []bool{false, false, false, true, true, true},
	}
	for _, e := range effects {
		t.rows = append(t.rows, []string{e.gene, e.variant, e.allele, strconv.Itoa(e.dosage),
			tenThousandths(e.weight), tenThousandths(e.contribution())})
	}
	t.rows = append(t.rows, []string{"Sum", "", "", "", "", tenThousandths(s.raw)})
	return t
}

// ordinal writes 1st, 2nd, 3rd, 11th.
func ordinal(n int) string {
	suffix := "th"
	if tens := n / 10 % 10; tens != 1 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return strconv.Itoa(n) + suffix
}
