package applehealth

import (
	"bufio"
	"strings"
	"testing"
	"testing/iotest"
)

// brokenDoctype is what iOS 16 wrote (HealthKit Export Version 12), shortened: a
// declaration without its end, parts of others, and a ">" too many.
const brokenDoctype = `<!DOCTYPE HealthData [
<!-- HealthKit Export Version: 12 -->
<!ELEMENT HealthData (ExportDate,Me,(Record|VisionPrescription)*)>
<!ATTLIST VisionPrescription
  type             CDATA #REQUIRED
  brand            CDATA #IMPLIED
<!ELEMENT RightEye EMPTY>
<!ATTLIST RightEye
  sphere           CDATA #IMPLIED
>
  device           CDATA #IMPLIED
<!ELEMENT MetadataEntry EMPTY>
<!ATTLIST MetadataEntry
  key              CDATA #IMPLIED
>
>
]>
`

func TestProlog(t *testing.T) {
	tests := []struct {
		name, prolog string
		line         int
	}{
		{"nothing", "", 1},
		{"declaration", xmlHead, 2},
		{"single quotes", `<?xml version='1.0' encoding='utf-8'?>`, 1},
		{"no encoding", `<?xml version="1.0"?>`, 1},
		{"standalone", `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>`, 1},
		{"ASCII", `<?xml version="1.0" encoding="US-ASCII"?>`, 1},
		{"a style sheet with an encoding of its own", `<?xml-stylesheet href="a" encoding="latin1"?>`, 1},
		{"whole DOCTYPE", xmlHead + doctype, 14},
		{"broken DOCTYPE", xmlHead + brokenDoctype, 19},
		{"DOCTYPE without declarations", "<!DOCTYPE HealthData>\n", 2},
		{"DOCTYPE of a file", `<!DOCTYPE HealthData SYSTEM "a>b[c.dtd">`, 1},
		{"brackets in a comment", "<!DOCTYPE HealthData [<!-- ]> ' \" -->]>", 1},
		{"brackets in a text", `<!DOCTYPE HealthData [<!ENTITY a "]><x/>"><!ENTITY b ']>'>]>`, 1},
		{"space at the end", "<!DOCTYPE HealthData [] \n >", 2},
		{"comments around", "<!-- <HealthData> --><!DOCTYPE HealthData []><!-- --\n-->", 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := tt.prolog + "<HealthData/>"
			for _, whole := range []bool{true, false} {
				in := bufio.NewReader(strings.NewReader(file))
				if !whole {
					in = bufio.NewReaderSize(iotest.OneByteReader(strings.NewReader(file)), 16)
				}
				p := prolog{in: in}
				if err := p.skip(); err != nil {
					t.Fatal(err)
				}
				var rest strings.Builder
				if _, err := in.WriteTo(&rest); err != nil {
					t.Fatal(err)
				}
				if rest.String() != "<HealthData/>" || p.line != tt.line {
					t.Errorf("line %d, then %q", p.line, rest.String())
				}
			}
		})
	}
}

// The Records behind a broken DOCTYPE are on their own lines.
func TestBrokenDoctype(t *testing.T) {
	list, _ := mustRead(t, xmlHead+brokenDoctype+export(good))
	if len(list) != 1 || list[0].Line != 20 {
		t.Errorf("%+v", list)
	}
}
