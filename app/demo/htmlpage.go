package demo

// reportPage is the template of HTML reports: no script, no link, no outside
// resource, readable on its own, in the portal's frame and on paper.
const reportPage = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="{{.Tool}}">
<meta name="patient-record-number" content="{{.Record}}">
<title>{{.Title}}</title>
<style>
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: #1c242e; font: 16px/1.5 system-ui, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; }
header, main, footer { max-width: 52rem; margin: 0 auto; padding: 0 1.25rem; }
.notice { max-width: none; margin: 0; padding: .5rem 1.25rem; background: #8f1f19; color: #fff; font-weight: 700; text-align: center; }
h1 { margin: 1.25rem 0 .75rem; font-size: 1.75rem; line-height: 1.2; }
h2 { margin: 2rem 0 .5rem; font-size: 1.2rem; color: #144a6e; }
p { margin: .5rem 0; max-width: 44rem; }
.site { margin: 1.25rem 0 0; color: #48545f; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(14rem, 1fr)); gap: .5rem 1rem; margin: 0; padding: 1rem; background: #f3f6f9; border-radius: .4rem; }
dl div { min-width: 0; }
dt { color: #48545f; font-size: .85rem; }
dd { margin: 0; font-weight: 600; overflow-wrap: anywhere; }
figure { margin: 1rem 0; }
figcaption, caption { color: #48545f; font-size: .9rem; text-align: left; padding: .25rem 0; }
svg { display: block; width: 100%; height: auto; }
svg text { font: 13px system-ui, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; fill: #1c242e; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { padding: .35rem .6rem; border-bottom: 1px solid #c4ced8; text-align: left; vertical-align: top; }
thead th { background: #dee6ee; }
tbody th { font-weight: 600; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
ul.bands { display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin: .25rem 0 0; padding: 0; list-style: none; font-size: .9rem; }
ul.bands svg { display: inline-block; width: .9rem; height: .9rem; vertical-align: -.1rem; }
footer { margin-top: 2.5rem; padding-bottom: 2rem; color: #48545f; font-size: .9rem; }
@media print { .notice { color: #8f1f19; background: none; border: 2px solid #8f1f19; } tr, figure { break-inside: avoid; } thead { display: table-header-group; } }
</style>
</head>
<body>
<p class="notice" role="note">{{.Notice}}</p>
<header>
<p class="site">{{.Site}}</p>
<h1>{{.Title}}</h1>
<dl>{{range .Facts}}
<div><dt>{{index . 0}}</dt><dd>{{index . 1}}</dd></div>{{end}}
</dl>
</header>
<main>
{{- range .Sections}}
<section>
<h2>{{.Heading}}</h2>
{{- range .Paragraphs}}
<p>{{.}}</p>
{{- end}}
{{- with .Scale}}
<figure>
<figcaption>{{.Caption}}: <strong>{{.Label}}</strong></figcaption>
<svg viewBox="-10 0 620 52" role="img" aria-label="{{.Caption}}: {{.Label}}">
{{- range .Bands}}
<rect x="{{.X}}" y="20" width="{{.Width}}" height="26" fill="{{.Fill}}" stroke="#c4ced8"></rect>
{{- end}}
<g transform="translate({{.At}} 20)"><path d="M0 6 L-7 -10 L7 -10 Z" fill="#1c242e"></path><path d="M0 0 V26" stroke="#1c242e" stroke-width="2"></path></g>
</svg>
<ul class="bands">
{{- range .Bands}}
<li><svg viewBox="0 0 10 10" aria-hidden="true"><rect width="10" height="10" fill="{{.Fill}}" stroke="#7b8794"></rect></svg> {{.Label}}</li>
{{- end}}
</ul>
</figure>
{{- end}}
{{- with .Bars}}
<figure>
<figcaption>{{.Caption}}</figcaption>
<svg viewBox="0 0 600 {{.Height}}" role="img" aria-label="{{.Caption}}{{range .Items}}; {{.Label}} {{.Text}}{{end}}">
{{- range .Items}}
<text x="0" y="{{.TextY}}">{{.Label}}</text>
<rect x="{{.X}}" y="{{.Y}}" width="{{.Width}}" height="14" fill="{{.Fill}}"></rect>
<text x="600" y="{{.TextY}}" text-anchor="end">{{.Text}}</text>
{{- end}}
<path d="M{{.Zero}} 0 V{{.Height}}" stroke="#48545f"></path>
</svg>
</figure>
{{- end}}
{{- with .Table}}
<div class="scroll" role="region" aria-label="{{.Caption}}" tabindex="0">
<table>
<caption>{{.Caption}}</caption>
<thead><tr>{{range .Head}}<th scope="col"{{if .Numeric}} class="number"{{end}}>{{.Text}}</th>{{end}}</tr></thead>
<tbody>
{{- range .Rows}}
<tr>{{range $i, $c := .}}{{if eq $i 0}}<th scope="row">{{$c.Text}}</th>{{else}}<td{{if $c.Numeric}} class="number"{{end}}>{{$c.Text}}</td>{{end}}{{end}}</tr>
{{- end}}
</tbody>
</table>
</div>
{{- end}}
</section>
{{- end}}
</main>
<footer>
<p>{{.Record}} · {{.Title}} · {{.Notice}}</p>
</footer>
</body>
</html>
`
