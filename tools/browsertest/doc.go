// Package browsertest drives the built portal in headless Chromium: enrolment
// and sign-in with a virtual authenticator, the event table and chart, the
// report viewer, axe on every page. It holds tests only.
package browsertest
