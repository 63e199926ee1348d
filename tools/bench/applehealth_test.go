package main

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"healthportal/app/intake/applehealth"
)

func TestAppleExport(t *testing.T) {
	var out, again bytes.Buffer
	if err := errors.Join(writeApple(&out, 500), writeApple(&again, 500)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), again.Bytes()) {
		t.Error("two exports differ")
	}
	r := applehealth.New(&out)
	seen := map[string]int{}
	values := 0
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || len(rec.Problems) > 0 {
			t.Fatal(err, rec.Problems)
		}
		for _, o := range rec.Observations {
			seen[o.Metric]++
			values++
			if strings.Contains(o.Device, "0x") || o.ExternalID != "" {
				t.Errorf("device %q, external id %q", o.Device, o.ExternalID)
			}
		}
	}
	if values != 500 || seen["heart_rate"] < 250 || seen["active_energy"] == 0 || seen["steps"] == 0 || seen["sleep_duration"] == 0 {
		t.Errorf("%d values: %v", values, seen)
	}
	if err := writeApple(full{}, 1); err == nil {
		t.Error("the disk was full")
	}
}
