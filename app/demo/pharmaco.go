package demo

import (
	"fmt"
	"strings"

	"healthportal/app/genomics"
)

// pharmacogene is a gene and what may be found in it.
type pharmacogene struct {
	name  string
	drugs string
	calls []genotype
}

// genotype is a diplotype and what follows from it; an empty advice changes nothing.
type genotype struct{ diplotype, phenotype, advice string }

const usual = "Use label-recommended dosing."

func pharmacogenes() []pharmacogene {
	return []pharmacogene{
		{"CYP2C19", "clopidogrel, citalopram, omeprazole", []genotype{
			{"*1/*1", "Normal metabolizer", ""}, {"*1/*17", "Rapid metabolizer", ""},
			{"*1/*2", "Intermediate metabolizer", "Clopidogrel: less active drug is formed; consider another P2Y12 inhibitor."},
			{"*2/*2", "Poor metabolizer", "Clopidogrel: avoid; use another P2Y12 inhibitor if there is no contraindication."}}},
		{"CYP2D6", "codeine, tramadol, metoprolol, tamoxifen", []genotype{
			{"*1/*2", "Normal metabolizer", ""}, {"*1/*1", "Normal metabolizer", ""},
			{"*1/*4", "Intermediate metabolizer", "Tamoxifen: consider hormonal alternatives for postmenopausal patients."},
			{"*4/*4", "Poor metabolizer", "Codeine, tramadol: avoid, little effect is to be expected."},
			{"*1/*2x2", "Ultrarapid metabolizer", "Codeine, tramadol: avoid, toxicity is possible at usual doses."}}},
		{"CYP2C9", "warfarin, phenytoin, NSAIDs", []genotype{
			{"*1/*1", "Normal metabolizer", ""},
			{"*1/*3", "Intermediate metabolizer", "Warfarin: a lower dose is likely to suffice; dose by an algorithm."}}},
		{"VKORC1", "warfarin", []genotype{
			{"-1639 G/G", "Usual sensitivity", ""},
			{"-1639 G/A", "Raised sensitivity", "Warfarin: a lower dose is likely to suffice; dose by an algorithm."}}},
		{"SLCO1B1", "simvastatin, atorvastatin", []genotype{
			{"*1/*1", "Normal function", ""}, {"*1/*1", "Normal function", ""},
			{"*1/*5", "Decreased function", "Simvastatin: prescribe a lower dose or another statin; watch for muscle pain."},
			{"*5/*5", "Poor function", "Simvastatin: choose another statin."}}},
		{"TPMT", "azathioprine, mercaptopurine", []genotype{
			{"*1/*1", "Normal metabolizer", ""}, {"*1/*1", "Normal metabolizer", ""},
			{"*1/*3A", "Intermediate metabolizer", "Azathioprine: start with a reduced dose and adjust by blood counts."}}},
		{"DPYD", "fluorouracil, capecitabine", []genotype{
			{"Reference/Reference", "Normal metabolizer", ""}, {"Reference/Reference", "Normal metabolizer", ""},
			{"c.1905+1G>A (heterozygous)", "Intermediate metabolizer", "Fluorouracil, capecitabine: reduce the starting dose by half."}}},
		{"UGT1A1", "irinotecan, atazanavir", []genotype{
			{"*1/*1", "Normal metabolizer", ""}, {"*1/*28", "Intermediate metabolizer", ""},
			{"*28/*28", "Poor metabolizer", "Atazanavir: consider another drug where jaundice would be a concern."}}},
		{"CYP3A5", "tacrolimus", []genotype{
			{"*3/*3", "Poor metabolizer", ""},
			{"*1/*3", "Intermediate metabolizer", "Tacrolimus: raise the starting dose and adjust by drug levels."}}},
		{"CYP4F2", "warfarin", []genotype{{"*1/*1", "Usual dose", ""}, {"*1/*3", "Slightly raised dose", ""}}},
	}
}

// pharmacogenomics fills in a pharmacogenomics report.
func pharmacogenomics(rep *report, d *dice, edition int) {
	r := d.on(rep.patient.record, "pharmacogenomics", edition)
	genes := &table{caption: "Genotypes", head: []string{"Gene", "Diplotype", "Phenotype"},
		widths: []float64{0.2, 0.4, 0.4}, numeric: make([]bool, 3)}
	advice := &table{caption: "Recommendations by drug", head: []string{"Gene", "Drugs", "Recommendation"},
		widths: []float64{0.14, 0.30, 0.56}, numeric: make([]bool, 3)}
	var acted []string
	for _, g := range pharmacogenes() {
		call := g.calls[r.IntN(len(g.calls))]
		genes.rows = append(genes.rows, []string{g.name, call.diplotype, call.phenotype})
		if call.advice == "" {
			advice.rows = append(advice.rows, []string{g.name, g.drugs, usual})
			continue
		}
		acted = append(acted, g.name)
		advice.rows = append(advice.rows, []string{g.name, g.drugs, call.advice})
	}
	level := "no changed recommendation"
	rep.summary = fmt.Sprintf("None of %d genes changes a recommendation.", len(genes.rows))
	if len(acted) > 0 {
		level = "changed recommendations"
		rep.summary = fmt.Sprintf("%d of %d genes change a recommendation: %s.", len(acted), len(genes.rows), strings.Join(acted, ", "))
	}
	rep.slug, rep.kind, rep.title, rep.tool = "pharmacogenomics", "pharmacogenomics", "Pharmacogenomics report", "Synthetic diplotype caller 3.0"
	rep.risk = genomics.Risk{Level: level, Scale: "number of genes with a changed recommendation, of 10", Tool: rep.tool, Score: fmt.Sprint(len(acted))}
	rep.sections = []section{
		{heading: "Summary", paragraphs: []string{rep.summary}, scale: &scale{"Genes with a changed recommendation",
			[]band{{"none", 0.5, tintCalm()}, {"few", 3.5, tintRaised()}, {"many", 10, tintHigh()}}, float64(len(acted)), fmt.Sprintf("%d of %d", len(acted), len(genes.rows))}},
		{heading: "Genotypes", table: genes},
		{heading: "Drugs", paragraphs: []string{"Recommendations assume adult patients and no interacting drugs."}, table: advice},
		{heading: "Limits", paragraphs: []string{"Only the listed alleles were looked for. Rare alleles, interacting drugs, liver and kidney function can outweigh the genotype."}},
		closing(),
	}
}
