package entry

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/envelope"
	"github.com/jollyjet/aside/internal/outbox"
	"github.com/jollyjet/aside/internal/tagversion"
)

func TestWhatBytesUnderAKeyMean(t *testing.T) {
	c := nowhere(t).Cache("cache", schema, ttl)
	short, long := c.Ref(c.Key("k"), nil), c.Ref(c.Key(strings.Repeat("k", 201)), nil)
	value := func(change func(e *envelope.Entry)) string {
		e := envelope.Entry{
			Kind: envelope.Value, Token: envelope.NewToken(), Created: c.cfg.Wire.Clock.Now(), TTL: ttl, Schema: schema,
			Versions: append(version[:], version[:]...), Payload: []byte("payload"),
		}
		change(&e)
		return string(envelope.Append(nil, &e))
	}
	same := func(*envelope.Entry) {}
	flipped := []byte(value(same))
	flipped[len(flipped)-1] ^= 1
	later := []byte(value(same))
	later[1]++
	for _, tt := range []struct {
		name, raw, versions string
		ref                 *Ref
		state               State
		reason              Reason
	}{
		{"a value", value(same), current, &short, Value, 0},
		{"an absence", value(func(e *envelope.Entry) { e.Kind, e.Payload = envelope.Negative, nil }), current, &short, Negative, 0},
		{"a value without time", value(func(e *envelope.Entry) { e.TTL = 0 }), current, &short, Stale, 0},
		{"an absence without time", value(func(e *envelope.Entry) { e.Kind, e.TTL = envelope.Negative, 0 }), current, &short, Stale, 0},
		{"nothing", "", current, &short, Absent, 0},
		{"nothing, and a version is held", "", hold, &short, Bypass, WriterHolds},
		{"a lease", string(envelope.NewLease(envelope.NewToken())), current, &short, Leased, 0},
		{"a lease, and a version is held", string(envelope.NewLease(envelope.NewToken())), hold, &short, Bypass, WriterHolds},
		{"a hold", hold, current, &short, Bypass, WriterHolds},
		{"a value, and a version is held", value(same), hold, &short, Bypass, WriterHolds},
		{"a value, and its versions are gone", value(same), "nothing of ours", &short, Invalid, Evicted},
		{"a value, and its versions are others", value(same), string(envelope.NewTagVersion(envelope.NewVersion())), &short, Invalid, Evicted},
		{"a value with more versions", value(func(e *envelope.Entry) { e.Versions = append(e.Versions, version[:]...) }), current, &short, Invalid, Evicted},
		{"a value with fewer versions", value(func(e *envelope.Entry) { e.Versions = version[:] }), current, &short, Invalid, Evicted},
		{"of another schema", value(func(e *envelope.Entry) { e.Schema++ }), current, &short, Invalid, Schema},
		{"of another key", value(func(e *envelope.Entry) { e.Key = []byte("other") }), current, &short, Invalid, Clash},
		{"a hashed key that is not named", value(same), current, &long, Invalid, Clash},
		{"a hashed key", value(func(e *envelope.Entry) { e.Key = []byte(long.Full()) }), current, &long, Value, 0},
		{"one bit is different", string(flipped), current, &short, Invalid, Corrupt},
		{"of another schema, and its versions are others", value(func(e *envelope.Entry) { e.Schema++ }), string(envelope.NewTagVersion(envelope.NewVersion())), &short, Invalid, Evicted},
		{"of a later format", string(later), current, &short, Invalid, Schema},
		{"cut off", value(same)[:40], current, &short, Invalid, Corrupt},
		{"foreign", "foreign", current, &short, Invalid, Corrupt},
		{"a version", current, current, &short, Invalid, Corrupt},
		{"a hold that is cut off", hold[:len(hold)-1], current, &short, Invalid, Corrupt},
	} {
		t.Run(tt.name, func(t *testing.T) {
			read, _ := c.Counters.Bytes()
			e := c.evaluate(tt.ref, []byte(tt.raw), tt.raw != "", answered(c, tt.ref, tt.versions))
			require.Equal(t, tt.state, e.State)
			require.Equal(t, tt.reason, e.Reason)
			if e.State == Value {
				require.Equal(t, "payload", string(e.Payload()))
			} else if !e.readable() {
				require.Empty(t, e.Payload(), "nobody can take it for a value")
			}
			now, _ := c.Counters.Bytes()
			require.EqualValues(t, len(tt.raw), now-read)
		})
	}
}

// A value may be kept for longer than it is fresh. As long as Redis's clock is not known, Redis alone ends it.
func TestAValueIsStaleOnceItIsOlderThanItsTime(t *testing.T) {
	c := nowhere(t).Cache("cache", schema, ttl)
	state := func(age time.Duration) State {
		return c.stateOf(&Entry{record: envelope.Entry{Kind: envelope.Value, TTL: time.Minute}, age: age})
	}
	require.Equal(t, Value, state(time.Hour), "this machine's clock may be wrong")
	c.cfg.Wire.Clock.Learn(time.Now().UnixMicro(), time.Now())
	require.Equal(t, Stale, state(time.Minute+1))
	require.Equal(t, Value, state(time.Minute))
}

func TestVerdictsOnTags(t *testing.T) {
	for _, tt := range []struct {
		before  State
		verdict tagversion.Verdict
		after   State
		reason  Reason
	}{
		{Value, tagversion.Current, Value, 0},
		{Value, tagversion.Held, Bypass, WriterHolds},
		{Value, tagversion.Evicted, Invalid, Evicted},
		{Negative, tagversion.Evicted, Invalid, Evicted},
		{Stale, tagversion.Evicted, Invalid, Evicted},
		{Stale, tagversion.Held, Bypass, WriterHolds},
		{Leased, tagversion.Evicted, Leased, 0}, // a refresh by another
	} {
		e := Entry{State: tt.before}
		e.apply(tt.verdict)
		require.Equal(t, Entry{State: tt.after, Reason: tt.reason}, e)
	}
}

// The four reasons to bypass the cache can be told apart, on every way to read.
func TestTheReasonsToBypassTheCache(t *testing.T) {
	failed := func(all *Entries, key Key) { all.cfg.Outbox.Add(outbox.Eviction{}, nil, key) }
	for _, tt := range []struct {
		name   string
		before func(t *testing.T, all *Entries, c *Cache, ref *Ref)
		want   Reason
	}{
		{"a writer holds the entry", func(t *testing.T, all *Entries, _ *Cache, ref *Ref) {
			_, err := all.cfg.Evictor.Hold(t.Context(), ref.Key)
			require.NoError(t, err)
		}, WriterHolds},
		{"a writer holds its tag", func(t *testing.T, all *Entries, _ *Cache, _ *Ref) {
			_, err := all.cfg.Evictor.Hold(t.Context(), all.cfg.Keys.Tag("a"))
			require.NoError(t, err)
		}, WriterHolds},
		{"a writer holds the cache", func(t *testing.T, all *Entries, c *Cache, _ *Ref) {
			_, err := all.cfg.Evictor.Hold(t.Context(), c.All())
			require.NoError(t, err)
		}, WriterHolds},
		{"an eviction of the entry is queued", func(_ *testing.T, all *Entries, _ *Cache, ref *Ref) { failed(all, ref.Key) }, EvictionQueued},
		{"an eviction of its tag is queued", func(_ *testing.T, all *Entries, _ *Cache, _ *Ref) { failed(all, all.cfg.Keys.Tag("a")) }, EvictionQueued},
		{"an eviction of the cache is queued", func(_ *testing.T, all *Entries, c *Cache, _ *Ref) { failed(all, c.All()) }, EvictionQueued},
		{"an eviction of everything is queued", func(_ *testing.T, all *Entries, _ *Cache, _ *Ref) { failed(all, all.cfg.Keys.Everything()) }, EvictionQueued},
		{"an eviction of something else is queued", func(_ *testing.T, all *Entries, c *Cache, _ *Ref) { failed(all, c.Key("other")) }, 0},
		{"the store is closed", func(_ *testing.T, all *Entries, _ *Cache, _ *Ref) { all.cfg.Life.Close() }, StoreClosed},
		{"the store is closed, and evictions are queued", func(_ *testing.T, all *Entries, _ *Cache, ref *Ref) {
			failed(all, ref.Key)
			all.cfg.Life.Close()
		}, StoreClosed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			all, _ := mini(t)
			c := all.Cache("cache", schema, ttl)
			ref := c.Ref(c.Key("k"), []string{"a"})
			load(t, c, &ref, Contents{Payload: []byte("old"), TTL: ttl})
			tt.before(t, all, c, &ref)
			one, err := c.Read(t.Context(), &ref)
			require.NoError(t, err)
			several, errs := c.ReadAll(t.Context(), []*Ref{&ref, &ref})
			require.Equal(t, make([]error, 2), errs)
			for _, e := range append(several, one) {
				require.Equal(t, tt.want, e.Reason)
				require.Equal(t, tt.want != 0, e.State == Bypass)
			}
		})
	}
}

// An eviction of a tag that only the value tells is noticed when the value is read.
func TestAQueuedEvictionOfAValuesTag(t *testing.T) {
	all, _ := mini(t)
	c := all.Cache("cache", schema, ttl)
	c.TagsFromValues()
	ref := c.Ref(c.Key("k"), nil)
	load(t, c, &ref, Contents{Payload: []byte("old"), TTL: ttl, Tags: []string{"b"}})
	all.cfg.Outbox.Add(outbox.Eviction{}, nil, all.cfg.Keys.Tag("b"))
	e, err := c.Read(t.Context(), &ref)
	require.NoError(t, err)
	require.Equal(t, Bypass, e.State)
	require.Equal(t, EvictionQueued, e.Reason)
}

func TestACooldownIsNotALease(t *testing.T) {
	require.Equal(t, time.Second, (&Entry{State: Stale, left: time.Second}).Cooldown())
	require.Zero(t, (&Entry{State: Leased, left: time.Second}).Cooldown())
}
