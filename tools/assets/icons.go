package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
)

// point is a place on the icon's 32 by 32 grid.
type point struct{ x, y float64 }

// icon is one PNG: its size in pixels, the radius of its corners on the grid, and how much the drawing shrinks.
type icon struct {
	name          string
	size          int
	corner, scale float64
}

// icons lists the PNG files. A maskable icon fills its square and keeps the drawing within the safe zone; the touch
// icon has no corners of its own because the system cuts them.
func icons() []icon {
	return []icon{
		{"icon-192.png", 192, 7, 1},
		{"icon-512.png", 512, 7, 1},
		{"icon-maskable-512.png", 512, 0, 0.75},
		{"apple-touch-icon.png", 180, 0, 0.9},
	}
}

// writeIcons draws the PNG files with the same outline as icon.svg.
func writeIcons(dir string) error {
	for _, ic := range icons() {
		var file bytes.Buffer
		if err := png.Encode(&file, ic.draw()); err != nil {
			return fmt.Errorf("draw %s: %w", ic.name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, ic.name), file.Bytes(), 0o644); err != nil { //nolint:gosec // public picture
			return fmt.Errorf("write icon: %w", err)
		}
	}
	return nil
}

// draw samples each pixel sixteen times, so that edges are smooth.
func (ic icon) draw() image.Image {
	const grid = 4
	img := image.NewNRGBA(image.Rect(0, 0, ic.size, ic.size))
	for y := range ic.size {
		for x := range ic.size {
			var r, g, b, a float64
			for s := range grid * grid {
				p := point{
					(float64(x) + (float64(s%grid)+0.5)/grid) * 32 / float64(ic.size),
					(float64(y) + (float64(s/grid)+0.5)/grid) * 32 / float64(ic.size),
				}
				c := ic.at(p)
				alpha := float64(c.A) / 255
				r, g, b, a = r+float64(c.R)*alpha, g+float64(c.G)*alpha, b+float64(c.B)*alpha, a+alpha
			}
			if a > 0 {
				img.SetNRGBA(x, y, color.NRGBA{round(r / a), round(g / a), round(b / a), round(a * 255 / (grid * grid))})
			}
		}
	}
	return img
}

// at is the colour at one place: dot over line over plate.
func (ic icon) at(p point) color.NRGBA {
	q := point{16 + (p.x-16)/ic.scale, 16 + (p.y-16)/ic.scale}
	if math.Hypot(q.x-26, q.y-17.5) <= 2 {
		return color.NRGBA{0x9b, 0xe1, 0xee, 0xff}
	}
	line := []point{{5, 17.5}, {10.5, 17.5}, {13.5, 9}, {18, 23.5}, {21, 14.5}, {22.5, 17.5}, {24, 17.5}}
	for i := 1; i < len(line); i++ {
		if distance(q, line[i-1], line[i]) <= 1.25 {
			return color.NRGBA{0xff, 0xff, 0xff, 0xff}
		}
	}
	if insidePlate(p, ic.corner) {
		return color.NRGBA{0x0b, 0x5f, 0x73, 0xff}
	}
	return color.NRGBA{}
}

// distance is how far p lies from the line between a and b.
func distance(p, a, b point) float64 {
	dx, dy := b.x-a.x, b.y-a.y
	t := ((p.x-a.x)*dx + (p.y-a.y)*dy) / (dx*dx + dy*dy)
	t = math.Max(0, math.Min(1, t))
	return math.Hypot(p.x-a.x-t*dx, p.y-a.y-t*dy)
}

// insidePlate tells whether p lies within the square with rounded corners.
func insidePlate(p point, corner float64) bool {
	dx := math.Max(0, math.Max(corner-p.x, p.x-(32-corner)))
	dy := math.Max(0, math.Max(corner-p.y, p.y-(32-corner)))
	return math.Hypot(dx, dy) <= corner || corner == 0
}

func round(v float64) uint8 { return uint8(math.Round(math.Max(0, math.Min(255, v)))) }
