package web

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"healthportal/app/access"
	"healthportal/app/session"
	auditlog "healthportal/views/audit"
	"healthportal/views/breakglass"
	"healthportal/views/layout"
	researchviews "healthportal/views/research"
	"healthportal/views/ui"
	"healthportal/views/users"
)

// page describes one answer that is a page or, for htmx, a part of it.
type page struct {
	// title names the page, never a patient.
	title string
	// patient is the banner of the page's patient; nil on pages about no single patient.
	patient templ.Component
	// body is the page's content; fragment is the part that htmx swaps, body when nil.
	body, fragment templ.Component
	// scripts and styles are further assets by name: "js/viewer.js".
	scripts, styles []string
	// banner is a notice above the content.
	banner templ.Component
	// wide pages use the whole width.
	wide bool
}

// render answers with p as a whole page, or its fragment for htmx. The same
// component serves both. A page keeps its patient's banner while parts of it are
// swapped; a fragment that goes to any other page brings the banner along.
func (r *request) render(p page) error {
	r.c.Vary("HX-Request", "HX-Request-Type", "HX-Current-URL")
	if r.fragment() {
		part := p.fragment
		if part == nil {
			part = p.body
		}
		if p.patient != nil && (r.patientID == "" || r.pagePatient() != r.patientID) {
			part = templ.Join(p.patient, part)
		}
		return sendComponent(r.c, r.glass.withFragment(part))
	}
	props := r.s.pageProps(r, p.title)
	props.Patient, props.Banner, props.Scripts, props.Styles, props.Wide = p.patient, r.glass.withBanner(p.banner), p.scripts, p.styles, p.wide
	return sendComponent(r.c, withChildren(layout.Page(props), p.body))
}

// renderBare answers with a page without navigation: sign-in, enrolment.
func (r *request) renderBare(title string, scripts []string, body templ.Component) error {
	props := r.s.bareProps(r.c, title)
	props.Scripts, props.CSRF = scripts, r.csrf()
	return sendComponent(r.c, withChildren(layout.Bare(props), body))
}

func (s *Server) pageProps(r *request, title string) layout.PageProps {
	p := r.principal()
	roles := make([]string, len(p.Roles))
	for i, role := range p.Roles {
		roles[i] = string(role)
	}
	return layout.PageProps{
		Title: title, Path: r.c.Path(), SiteName: s.cfg.SiteName, Nav: navigation(p),
		User: &layout.UserProps{Name: p.Name, Roles: roles, CSRF: r.csrf(),
			CanSwitch: r.session.CanSwitch, Research: r.session.Research, Ranges: p.Can(access.RangesRead)},
		Synthetic: s.cfg.Synthetic, Version: s.cfg.Version, RequestID: r.id(), Assets: s.assets,
		LockAfter: int(session.Idle.Seconds()), VerifiedUntil: r.session.Verified.Add(session.StepUp).Unix(),
		VerifiedFor: int(r.session.Verified.Add(session.StepUp).Sub(r.now()).Seconds()),
	}
}

func (s *Server) bareProps(c *fiber.Ctx, title string) layout.BareProps {
	return layout.BareProps{Title: title, SiteName: s.cfg.SiteName, Synthetic: s.cfg.Synthetic, Version: s.cfg.Version,
		RequestID: requestID(c), Assets: s.assets}
}

// navigation lists what the principal's roles open.
func navigation(p access.Principal) []layout.NavItem {
	all := []struct {
		perm access.Permission
		item layout.NavItem
	}{
		{access.PatientsRead, layout.NavItem{Label: "Patients", Href: "/dashboard", Icon: ui.IconPatients, Group: "Health"}},
		{access.EventsRead, layout.NavItem{Label: "Events", Href: "/dashboard/events", Icon: ui.IconPulse, Group: "Health"}},
		{access.BreakGlass, layout.NavItem{Label: "Break the glass", Href: breakglass.Path, Icon: ui.IconShield, Group: "Health"}},
		{access.ReportsRead, layout.NavItem{Label: "Reports", Href: "/genomics/reports", Icon: ui.IconReport, Group: "Genomics"}},
		{access.ResearchRead, layout.NavItem{Label: "Summary", Href: researchviews.Path, Icon: ui.IconChart, Group: "Research"}},
		{access.ResearchRead, layout.NavItem{Label: "Participants", Href: researchviews.ParticipantsPath, Icon: ui.IconPatients, Group: "Research"}},
		{access.UsersManage, layout.NavItem{Label: "People", Href: users.Path, Icon: ui.IconUser, Group: "Administration"}},
		{access.TeamsManage, layout.NavItem{Label: "Care teams", Href: "/admin/teams", Icon: ui.IconPatients, Group: "Administration"}},
		{access.KeysManage, layout.NavItem{Label: "API keys", Href: "/admin/api-keys", Icon: ui.IconKey, Group: "Administration"}},
		{access.AuditRead, layout.NavItem{Label: "Audit log", Href: auditlog.Path, Icon: ui.IconTable, Group: "Administration"}},
		{access.BreakGlassRead, layout.NavItem{Label: "Break-glass reviews", Href: breakglass.ReviewPath, Icon: ui.IconShield, Group: "Administration"}},
	}
	var nav []layout.NavItem
	for _, e := range all {
		if p.Can(e.perm) {
			nav = append(nav, e.item)
		}
	}
	return nav
}

// errorPage answers with an error inside the shell of whoever is signed in.
func (s *Server) errorPage(c *fiber.Ctx, e *Error, id string) error {
	title := http.StatusText(e.Status)
	state := errorState(e, id, "")
	state.Level = 1
	if r, ok := c.Locals(keyRequest).(*request); ok && r.principal().UserID != 0 {
		return sendComponent(c, withChildren(layout.Page(s.pageProps(r, title)), ui.ErrorState(state)))
	}
	return sendComponent(c, withChildren(layout.Bare(s.bareProps(c, title)), ui.ErrorState(state)))
}

// withChildren gives a layout its content.
func withChildren(shell, body templ.Component) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		return shell.Render(templ.WithChildren(ctx, body), w)
	})
}

// sendComponent renders to a buffer first, so that a failed render leaves
// nothing behind that an error page would be appended to.
func sendComponent(c *fiber.Ctx, component templ.Component) error {
	var buf bytes.Buffer
	// The deadline is for the stores: an error page must still come out when it has passed.
	if err := component.Render(context.WithoutCancel(c.UserContext()), &buf); err != nil {
		return fmt.Errorf("render: %w", err)
	}
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	if err := c.Send(buf.Bytes()); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}
