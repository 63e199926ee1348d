package demo

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"healthportal/app/genomics"
)

// panelGene is a gene of a panel with what it is looked at for.
type panelGene struct{ gene, condition string }

func carrierGenes() []panelGene {
	return []panelGene{
		{"CFTR", "Cystic fibrosis"}, {"SMN1", "Spinal muscular atrophy"}, {"HBB", "Sickle cell disease, beta thalassaemia"},
		{"HBA1/HBA2", "Alpha thalassaemia"}, {"GBA1", "Gaucher disease"}, {"HEXA", "Tay-Sachs disease"},
		{"PAH", "Phenylketonuria"}, {"GJB2", "Hearing loss, nonsyndromic"}, {"ACADM", "MCAD deficiency"},
		{"GALT", "Galactosaemia"}, {"ATP7B", "Wilson disease"}, {"DHCR7", "Smith-Lemli-Opitz syndrome"},
		{"PMM2", "Congenital disorder of glycosylation Ia"}, {"ASPA", "Canavan disease"}, {"ELP1", "Familial dysautonomia"},
		{"MEFV", "Familial Mediterranean fever"}, {"SLC26A4", "Pendred syndrome"}, {"USH2A", "Usher syndrome 2A"},
		{"ABCA4", "Stargardt disease"}, {"POLG", "POLG-related disorders"}, {"CYP21A2", "Congenital adrenal hyperplasia"},
		{"G6PC1", "Glycogen storage disease Ia"}, {"IDUA", "Mucopolysaccharidosis I"}, {"TYR", "Oculocutaneous albinism 1"},
	}
}

func cardiomyopathyGenes() []panelGene {
	return []panelGene{
		{"MYH7", "hypertrophic, dilated"}, {"MYBPC3", "hypertrophic"}, {"TNNT2", "hypertrophic, dilated"}, {"TNNI3", "hypertrophic, restrictive"},
		{"TPM1", "hypertrophic"}, {"MYL2", "hypertrophic"}, {"MYL3", "hypertrophic"}, {"ACTC1", "hypertrophic"}, {"TTN", "dilated"},
		{"LMNA", "dilated, conduction disease"}, {"RBM20", "dilated"}, {"BAG3", "dilated"}, {"FLNC", "dilated, arrhythmogenic"},
		{"DSP", "arrhythmogenic"}, {"PKP2", "arrhythmogenic"}, {"DSG2", "arrhythmogenic"}, {"DSC2", "arrhythmogenic"},
		{"PLN", "dilated, arrhythmogenic"}, {"SCN5A", "dilated, conduction disease"}, {"GLA", "Fabry disease"},
		{"LAMP2", "Danon disease"}, {"TTR", "transthyretin amyloidosis"}, {"PRKAG2", "glycogen storage"}, {"DES", "dilated, restrictive"},
	}
}

// carrier fills in a carrier screening report.
func carrier(rep *report, d *dice, edition int) {
	r := d.on(rep.patient.record, "carrier", edition)
	t := &table{caption: "Genes and results", head: []string{"Gene", "Condition", "Result", "Residual risk"},
		widths: []float64{0.16, 0.38, 0.28, 0.18}, numeric: []bool{false, false, false, true}}
	var found []string
	for _, g := range carrierGenes() {
		result, residual := "no reportable variant", fmt.Sprintf("1 in %d", 100*(3+r.IntN(60)))
		if r.Float64() < 0.05 {
			result, residual = "carrier (one variant)", "not applicable"
			found = append(found, g.gene)
		}
		t.rows = append(t.rows, []string{g.gene, g.condition, result, residual})
	}
	level := "no reportable variant"
	rep.summary = fmt.Sprintf("No reportable variant in %d genes.", len(t.rows))
	if len(found) > 0 {
		level = "carrier"
		rep.summary = fmt.Sprintf("Carrier of one variant in %s; %d genes examined.", strings.Join(found, ", "), len(t.rows))
	}
	rep.slug, rep.kind, rep.title, rep.tool = "carrier-screening", "carrier-screening", "Expanded carrier screening", "Synthetic panel pipeline 1.8"
	rep.risk = genomics.Risk{Level: level, Scale: "carrier, or no reportable variant", Tool: rep.tool}
	rep.sections = []section{
		{heading: "Summary", paragraphs: []string{rep.summary, "A carrier of one variant is usually healthy. Both parents' results together tell the chance for a child."}},
		{heading: "Results by gene", table: t},
		{heading: "Limits", paragraphs: []string{"A screening without finding lowers the chance of being a carrier; it does not rule it out. The residual risk depends on ancestry and family history."}},
		closing(),
	}
}

// finding is what a panel may turn up.
type finding struct{ level, class, text string }

func findings() []finding {
	return []finding{
		{"negative", "", ""}, {"negative", "", ""},
		{"uncertain significance", "Uncertain significance", "missense variant (synthetic)"},
		{"likely pathogenic variant", "Likely pathogenic", "frameshift variant (synthetic)"},
	}
}

// cardiomyopathy fills in a cardiomyopathy panel.
func cardiomyopathy(rep *report, d *dice, edition int) {
	r := d.on(rep.patient.record, "cardiomyopathy", edition)
	genes := cardiomyopathyGenes()
	hit, gene := findings()[r.IntN(len(findings()))], genes[r.IntN(len(genes))].gene
	rep.slug, rep.kind, rep.title, rep.tool = "cardiomyopathy-panel", "cardiomyopathy-panel", "Cardiomyopathy gene panel", "Synthetic panel pipeline 1.8"
	rep.risk = genomics.Risk{Level: hit.level, Scale: "negative, uncertain significance, likely pathogenic variant, pathogenic variant", Tool: rep.tool}
	rep.summary = fmt.Sprintf("No pathogenic variant in %d genes.", len(genes))
	classes := []string{"benign", "likely benign", "uncertain", "likely pathogenic", "pathogenic"}
	at := 0.5
	if hit.class != "" {
		rep.summary = fmt.Sprintf("%s: one %s in %s; %d genes examined.", hit.class, hit.text, gene, len(genes))
		at = 2.5
		if hit.class == "Likely pathogenic" {
			at = 3.5
		}
	}
	tints := []tint{tintCalm(), tintCalm(), tintPlain(), tintRaised(), tintHigh()}
	sc := &scale{caption: "Class of the weightiest finding", value: at, label: hit.level}
	for i, c := range classes {
		sc.bands = append(sc.bands, band{c, float64(i + 1), tints[i]})
	}
	rep.sections = []section{
		{heading: "Result", paragraphs: []string{rep.summary}, scale: sc},
		{heading: "Interpretation", paragraphs: []string{
			"A negative result does not exclude a genetic cause: the panel finds one in less than half of the families with hypertrophic cardiomyopathy.",
			"Relatives are offered testing only for likely pathogenic and pathogenic variants. A variant of uncertain significance changes no decision."}},
		{heading: "Genes and coverage", paragraphs: []string{"Coverage is the share of coding bases read at least 20 times."}, table: coverage(genes, hit, gene, r)},
		closing(),
	}
}

func coverage(genes []panelGene, hit finding, found string, r *rand.Rand) *table {
	t := &table{caption: "Genes of the panel", head: []string{"Gene", "Looked at for", "Finding", "Coverage"},
		widths: []float64{0.14, 0.36, 0.34, 0.16}, numeric: []bool{false, false, false, true}}
	for _, g := range genes {
		text := "none"
		if g.gene == found && hit.class != "" {
			text = hit.text
		}
		t.rows = append(t.rows, []string{g.gene, g.condition, text, fmt.Sprintf("%.1f %%", min(100, about(r, 99.3, 0.4)))})
	}
	return t
}

// quality fills in a report on the quality of the sequencing. It states no risk.
func quality(rep *report, d *dice, edition int) {
	r := d.on(rep.patient.record, "quality", edition)
	depth := about(r, 34, 2.5)
	dup, contamination := about(r, 9, 2), 0.05+0.4*r.Float64()
	rep.slug, rep.kind, rep.title, rep.tool = "sequencing-quality", "quality-control", "Sequencing quality summary", "Synthetic quality pipeline 0.9"
	rep.summary = fmt.Sprintf("Mean depth %.1f, duplicates %.1f %%, contamination %.2f %%: all checks passed.", depth, dup, contamination)
	t := &table{caption: "Checks", head: []string{"Check", "Value", "Limit", "Outcome"},
		widths: []float64{0.40, 0.22, 0.22, 0.16}, numeric: []bool{false, true, false, false}}
	check := func(name, value, limit string) { t.rows = append(t.rows, []string{name, value, limit, "passed"}) }
	check("Mean depth", fmt.Sprintf("%.1f", depth), "at least 25")
	check("Bases with quality 30 or more", fmt.Sprintf("%.1f %%", about(r, 92, 0.8)), "at least 85 %")
	check("Duplicates", fmt.Sprintf("%.1f %%", dup), "at most 20 %")
	check("Contamination", fmt.Sprintf("%.2f %%", contamination), "at most 2 %")
	check("Aligned reads", fmt.Sprintf("%.2f %%", about(r, 99.5, 0.1)), "at least 98 %")
	check("Heterozygous to homozygous", fmt.Sprintf("%.2f", about(r, 1.6, 0.05)), "1.3 to 2.0")
	check("Transitions to transversions", fmt.Sprintf("%.2f", about(r, 2.06, 0.01)), "2.0 to 2.1")
	chart := &bars{caption: "Mean depth by chromosome"}
	for chromosome := range 22 {
		v := about(r, depth, 0.8)
		chart.items = append(chart.items, bar{fmt.Sprintf("chr%d", chromosome+1), v, fmt.Sprintf("%.1f", v)})
	}
	rep.sections = []section{
		{heading: "Summary", paragraphs: []string{rep.summary}},
		{heading: "Checks", table: t},
		{heading: "Depth", bars: chart},
		closing(),
	}
}
