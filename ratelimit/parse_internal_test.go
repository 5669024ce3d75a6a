package ratelimit

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPolicyText(t *testing.T) {
	for text, want := range map[string]string{
		"100/1m":                          "sliding 100/1m",
		"sliding 100/60s":                 "sliding 100/1m",
		"  exact   5/1h ":                 "exact 5/1h",
		"counter 5/1h":                    "counter 5/1h",
		"strict 100/1m buckets=10":        "strict 100/1m buckets=10",
		"bucket 100/1s burst=20":          "bucket 100/1s burst=20",
		"bucket 1000/1h burst=1":          "bucket 1000/1h burst=1",
		"bucket 90/1m burst=1":            "bucket 90/1m burst=1",
		"bucket 300/5m burst=1":           "bucket 1/1s burst=1",
		"bucket 1/24h burst=1":            "bucket 1/24h burst=1",
		"bucket 0.00001/1s burst=1":       "bucket 1e-05/1s burst=1",
		"fixed 7/1h30m":                   "fixed 7/1h30m",
		"concurrency 10 lease=30s":        "concurrency 10 lease=30s",
		"x: 10/1s + daily: exact 100/24h": "x: sliding 10/1s + daily: exact 100/24h",
		"10/1s + 100/1m":                  "sliding 10/1s + sliding 100/1m",
		"1/10m":                           "sliding 1/10m",
		"1/1.5s":                          "sliding 1/1.5s",
		"1/100ms":                         "sliding 1/100ms",
	} {
		p, err := ParsePolicy(text)
		require.NoError(t, err, text)
		require.Equal(t, want, p.String())
		again, err := ParsePolicy(want)
		require.NoError(t, err, want)
		require.Equal(t, p, again)
	}
	for _, text := range []string{
		"", "100", "100/", "/1m", "0/1m", "-1/1m", "1/0s", "1/1ns", "1/9000h", "often 1/1m", "100/1m burst=2", "bucket 1/1s",
		"bucket 0/1s burst=1", "bucket 1/0s burst=1", "bucket NaN/1s burst=1", "bucket 2000000/1s burst=1", "bucket 1/1s burst=0",
		"strict 1/1m", "strict 1/1m buckets=0", "strict 1/1m slots=3", "concurrency 1", "concurrency x lease=1s", "exact 20000/1m",
		"concurrency 1 lease=x", "bucket x/1s burst=1", "sliding", "1/1m + 2/1m", "{}: 1/1m", ": 1/1m", "a: b: 1/1m",
	} {
		_, err := ParsePolicy(text)
		require.ErrorIs(t, err, ErrPolicy, text)
	}
}

// What is accepted says the same after a round trip.
func FuzzParsePolicy(f *testing.F) {
	for _, text := range []string{"100/1m", "x: exact 1/1h", "bucket 3/7s burst=2", "strict 9/1m buckets=3 + concurrency 2 lease=1s", "fixed 1/1h"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePolicy(text)
		if err != nil {
			if !errors.Is(err, ErrPolicy) {
				t.Fatal(err)
			}
			return
		}
		again, err := ParsePolicy(p.String())
		if err != nil || fmt.Sprint(again.parts()) != fmt.Sprint(p.parts()) {
			t.Fatalf("%q: %v, then %v, %v", text, p, again, err)
		}
	})
}
