package ratelimit

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jollyjet/aside/internal/setup"
)

// On a Cluster the first breaker that opens is reported, and the last that closes.
func TestOpenBreakersAreCounted(t *testing.T) {
	var changes []bool
	o := openBreakers{changed: func(open bool) { changes = append(changes, open) }}
	require.False(t, o.any())
	o.opened()
	o.opened()
	o.closed()
	require.True(t, o.any())
	require.Equal(t, []bool{true}, changes)
	o.closed()
	require.False(t, o.any())
	require.Equal(t, []bool{true, false}, changes)
	var silent openBreakers
	silent.opened()
	silent.closed()
}

func TestUnanswered(t *testing.T) {
	for _, err := range []error{errors.New("the dialer's own"), os.ErrDeadlineExceeded, reply("LOADING Redis is loading"), reply("CLUSTERDOWN")} {
		require.True(t, unanswered(err), err)
	}
	for _, err := range []error{reply("WRONGTYPE"), reply("NOSCRIPT"), reply("MOVED 1 a:1"), reply("ERR Error running script: WRONGTYPE"), reply("OOM")} {
		require.False(t, unanswered(err), err)
	}
}

// reply is an error that Redis has answered.
type reply string

func (r reply) Error() string { return string(r) }
func (reply) RedisError()     {}

func TestDenyCacheTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDenyCache(2)
		deny := func(key string, n int, retry time.Duration) {
			d.add(key, n, time.Now(), Result{RetryAfter: retry, NextAfter: retry, ResetAfter: time.Minute, Each: []Result{{RetryAfter: retry}}})
		}
		denied := func(key string, n int) bool {
			_, is := d.denies(key, n, time.Now())
			return is
		}
		deny("a", 3, 100*time.Millisecond)
		require.True(t, denied("a", 3))
		require.True(t, denied("a", 4))
		require.False(t, denied("a", 2))
		require.False(t, denied("b", 3))
		time.Sleep(99 * time.Millisecond)
		r, is := d.denies("a", 3, time.Now())
		require.True(t, is)
		require.Equal(t, time.Millisecond, r.RetryAfter, "the rest of it")
		require.Equal(t, time.Millisecond, r.Each[0].RetryAfter)
		require.Equal(t, time.Minute-99*time.Millisecond, r.ResetAfter)
		time.Sleep(time.Millisecond)
		require.False(t, denied("a", 3), "exactly when Redis would allow it")

		deny("a", 1, time.Hour)
		time.Sleep(denyFor)
		require.False(t, denied("a", 1), "a second at most")
		deny("a", 5, time.Minute)
		require.True(t, denied("a", 5))
		deny("a", 9, time.Minute)
		require.True(t, denied("a", 5), "a dearer one says nothing about it")
		deny("b", 1, time.Minute)
		deny("c", 1, time.Minute)
		require.False(t, denied("a", 5), "the oldest is forgotten")
		require.Equal(t, 2, d.keys.len())
		d.forget("c")
		require.False(t, denied("c", 1))
		(*denyCache)(nil).add("a", 1, time.Now(), Result{})
		(*denyCache)(nil).forget("a")
	})
}

func TestLocalForgetsTheLeastUsed(t *testing.T) {
	l := newLocal(FixedWindow(1, maxSpan).parts(), 1, 2)
	for _, key := range []string{"a", "b", "a", "c"} {
		l.take(key, 1)
	}
	require.Equal(t, 2, l.keys.len())
	read, _, _ := l.take("a", 1)
	require.Positive(t, read[0].due)
	read, _, _ = l.take("b", 1)
	require.Zero(t, read[0].due)
	require.False(t, l.renew(charge{subject: "nobody"}))
}

// httprate-redis has a bare hash of 64 bits for a key, so clients can be made to meet. Here two keys never become one,
// and no key ends the hash tag early.
func TestSubjects(t *testing.T) {
	awkward := []string{"", "#", "{}", "}", "a}b", "%", "%7D", "\x00", "ä", "a b", strings.Repeat("x", 96), strings.Repeat("x", 97)}
	seen := map[string]string{}
	for _, key := range awkward {
		s := subjectOf(key)
		require.NotContains(t, seen, s, "%q and %q", key, seen[s])
		seen[s] = key
	}
	rapid.Check(t, func(t *rapid.T) {
		one, two := rapid.String().Draw(t, "one"), rapid.String().Draw(t, "two")
		a, b := subjectOf(one), subjectOf(two)
		if (one == two) != (a == b) {
			t.Fatalf("%q is %q, %q is %q", one, a, two, b)
		}
		if a == "" || len(a) > maxSubject || strings.ContainsAny(a, "{} \r\n\x00") {
			t.Fatalf("%q is %q", one, a)
		}
	})
	require.Equal(t, "user:42|ip:192.0.2.1", subjectOf("user:42|ip:192.0.2.1"), "what can be read stays so")
	require.NotContains(t, subjectOf(strings.Repeat("secret", 99)), "secret")
	require.Len(t, subjectOf(strings.Repeat("secret", 99)), 1+22, "128 bits in base64")
}

func TestRuleNames(t *testing.T) {
	seen := map[string]string{}
	for _, match := range []string{"/", "GET /", "GET_/", "/{id}", "/{$}", "/_7B", "example.com/", "/" + strings.Repeat("x", 200), "/" + strings.Repeat("x", 201)} {
		name := ruleName(match)
		require.True(t, setup.IsName(name), name)
		require.NotContains(t, seen, name)
		seen[name] = match
	}
}

func TestPolicyText(t *testing.T) {
	for text, want := range map[string]string{
		"100/1m":                          "sliding 100/1m",
		"sliding 100/60s":                 "sliding 100/1m",
		"  exact   5/1h ":                 "exact 5/1h",
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

// A header's whole seconds never send anybody back too early.
func TestSeconds(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "1", time.Microsecond: "1", time.Second: "1", time.Second + time.Microsecond: "2", time.Hour: "3600",
		math.MaxInt64: "9223372037",
	} {
		require.Equal(t, want, seconds(d), d)
	}
}
