// Package layout is the shell around every page: head, navigation, user menu, live regions, footer. It holds no inline
// script or style, so that the strict content security policy needs no exception.
package layout

import (
	"strings"

	"github.com/a-h/templ"

	"healthportal/views/ui"
)

// Assets gives the addresses of static files. Has tells whether a file is there: third-party files are missing where
// the asset step has not run, and pages then stay plain HTML.
type Assets interface {
	URL(name string) string
	Has(name string) bool
}

// NavItem is one entry of the left navigation.
type NavItem struct {
	Label string
	Href  string
	Icon  ui.Icon
	Group string // heading above the first item of a group; items of a group stand together
}

// UserProps is the signed-in person, for the user menu.
type UserProps struct {
	Name  string
	Roles []string
	CSRF  string // the session's token for forms and scripts
	// CanSwitch offers the other mode: Research says that this one shows de-identified data.
	CanSwitch, Research bool
	// Ranges offers the general adult ranges.
	Ranges bool
}

// PageProps describes a page of a signed-in person.
type PageProps struct {
	Title     string // names the page, never a patient
	Path      string // path of the request, marks the current entry of the navigation
	SiteName  string
	Nav       []NavItem
	User      *UserProps // nil: signed out, no menu
	Synthetic bool       // the data is made up: says so on screen and on paper
	Theme     string     // "light", "dark", or empty for the system's choice
	Version   string
	RequestID string
	Assets    Assets
	Scripts   []string        // names of further module scripts, for instance "js/viewer.js"
	Styles    []string        // names of further style sheets
	Patient   templ.Component // a ui.PatientBanner; stays in view, and is repeated on each printed sheet
	Banner    templ.Component // notices above the content: outage, break-glass, read-only
	Wide      bool            // content uses the whole width, for wide tables and the viewer
	LockAfter int             // idle seconds after which a script locks the page; 0: never
	// VerifiedUntil is until when sensitive acts need no further passkey check, in Unix seconds.
	VerifiedUntil int64
	// VerifiedFor is the same in seconds from now, for browsers whose clock is wrong.
	VerifiedFor int
}

// BareProps describes a page without navigation: sign-in, enrolment, errors.
type BareProps struct {
	Title     string
	SiteName  string
	Synthetic bool
	Theme     string
	Version   string
	RequestID string
	Assets    Assets
	Scripts   []string
	CSRF      string // for scripts; empty when signed out
}

// headProps is what both shells need in their head.
type headProps struct {
	title, siteName, csrf string
	assets                Assets
	scripts, styles       []string
	verifiedUntil         int64
	verifiedFor           int
}

// htmxConfig keeps htmx within the content security policy and out of the browser's storage: back asks the server
// anew, no style is injected, only our own origin is asked, no extension can join.
const htmxConfig = `{"history":"reload","includeIndicatorCSS":false,"mode":"same-origin","extensions":"none","noSwap":[204,304]}`

func (p PageProps) head() headProps {
	h := headProps{title: p.Title, siteName: p.SiteName, assets: p.Assets, scripts: p.Scripts, styles: p.Styles}
	if p.User != nil {
		h.csrf, h.verifiedUntil, h.verifiedFor = p.User.CSRF, p.VerifiedUntil, max(p.VerifiedFor, 0)
		h.scripts = append([]string{"js/ceremony.js", "js/account.js"}, p.Scripts...)
	}
	return h
}

func (p BareProps) head() headProps {
	return headProps{title: p.Title, siteName: p.SiteName, csrf: p.CSRF, assets: p.Assets, scripts: p.Scripts}
}

// fullTitle is the page's title with the site's name.
func (h headProps) fullTitle() string {
	if h.title == "" || h.title == h.siteName {
		return h.siteName
	}
	return h.title + " · " + h.siteName
}

// current tells which entry of the navigation the path belongs to: the longest one that is the path or a parent of it.
func current(nav []NavItem, path string) string {
	best := ""
	for _, item := range nav {
		if len(item.Href) > len(best) && (path == item.Href || strings.HasPrefix(path, strings.TrimSuffix(item.Href, "/")+"/")) {
			best = item.Href
		}
	}
	return best
}

// currentAttr marks the current entry: "page" on the page itself, "true" below it.
func currentAttr(item NavItem, best, path string) templ.Attributes {
	switch {
	case item.Href != best:
		return nil
	case item.Href == path:
		return templ.Attributes{"aria-current": "page"}
	default:
		return templ.Attributes{"aria-current": "true"}
	}
}

// startsGroup tells whether the i-th entry opens a new group.
func startsGroup(nav []NavItem, i int) bool {
	return nav[i].Group != "" && (i == 0 || nav[i-1].Group != nav[i].Group)
}

// themeAttr fixes the colour scheme where the user chose one.
func themeAttr(theme string) templ.Attributes {
	if theme == "light" || theme == "dark" {
		return templ.Attributes{"data-theme": theme}
	}
	return nil
}

func (u UserProps) roles() string { return strings.Join(u.Roles, ", ") }
