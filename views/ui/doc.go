// Package ui is the component set that every page of the portal is made of: typed props in, accessible HTML out.
//
// Components do no input or output, know no patient and no store, and work without scripts: links are links and forms
// are forms. htmx attributes appear only where the props ask for them through [HX].
package ui
