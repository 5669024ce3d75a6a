package entry

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/outbox"
	"github.com/jollyjet/aside/internal/tagversion"
	"github.com/jollyjet/aside/internal/wire"
)

func TestAValueInProcessIsValidUntilSomethingItDependsOnHasChanged(t *testing.T) {
	all := nowhere(t)
	c := all.Cache("cache", schema, ttl)
	ref := c.Ref(c.Key("k"), []string{"a"})
	changes := all.cfg.Versions.Changes()
	valueTag := all.cfg.Keys.Tag("b").Addr()
	for _, tt := range []struct {
		name, addr string
		valid      bool
	}{
		{"the entry", ref.Addr(), false},
		{"the tag of the key", all.cfg.Keys.Tag("a").Addr(), false},
		{"the tag of the value", valueTag, false},
		{"the cache", c.All().Addr(), false},
		{"everything", all.cfg.Keys.Everything().Addr(), false},
		{"another entry", c.Key("other").Addr(), true},
		{"another tag", all.cfg.Keys.Tag("other").Addr(), true},
		{"another cache", all.cfg.Keys.All("other").Addr(), true},
	} {
		v, ok := c.Validity(&ref)
		require.True(t, ok)
		e := Entry{tags: tagversion.EntryTags{Changes: []tagversion.Count{changes.Read(valueTag)}}}
		of := v.Of(&e)
		require.True(t, c.StillValid(&of))
		all.cfg.Versions.Changed(tt.addr)
		require.Equal(t, tt.valid, c.StillValid(&of), tt.name)
		if tt.addr == valueTag {
			require.True(t, c.StillValid(&v), "Of leaves the original as it was")
		}
	}
}

func TestWithoutTrackingAValidityEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := nowhere(t)
		all.cfg.Trust = time.Second
		c := all.Cache("cache", schema, ttl)
		ref := c.Ref(c.Key("k"), nil)
		v, ok := c.Validity(&ref)
		require.True(t, ok)
		soon := v.Of(&Entry{until: wire.Uptime() + 300*time.Millisecond})
		late := v.Of(&Entry{until: wire.Uptime() + time.Minute})
		time.Sleep(300*time.Millisecond - 1)
		require.True(t, c.StillValid(&soon))
		time.Sleep(time.Nanosecond)
		require.False(t, c.StillValid(&soon), "a version that the read relied on ends")
		time.Sleep(700*time.Millisecond - 1)
		require.True(t, c.StillValid(&v))
		require.True(t, c.StillValid(&late))
		time.Sleep(time.Nanosecond)
		require.False(t, c.StillValid(&v))
		require.False(t, c.StillValid(&late), "the read can't make it last longer")
	})
}

func TestAnotherEpochOfTrackingEndsAValidity(t *testing.T) {
	all := nowhere(t)
	c := all.Cache("cache", schema, ttl)
	ref := c.Ref(c.Key("k"), nil)
	v, _ := c.Validity(&ref)
	all.cfg.Tracker.End()
	require.False(t, c.StillValid(&v))
}

func TestNothingIsKeptInProcessWhileItMustNotBeRead(t *testing.T) {
	all := nowhere(t)
	c := all.Cache("cache", schema, ttl)
	ref, other := c.Ref(c.Key("k"), nil), c.Ref(c.Key("other"), nil)
	all.cfg.Outbox.Add(outbox.Eviction{}, nil, ref.Key)
	_, ok := c.Validity(&ref)
	require.False(t, ok)
	_, ok = c.Validity(&other)
	require.True(t, ok)
	all.cfg.Life.Close()
	_, ok = c.Validity(&other)
	require.False(t, ok)
}
