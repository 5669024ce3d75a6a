package cacheable_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// The command of a Put that timed out may still be under way. If it arrives after somebody else has changed the
// source and evicted the entry, it must not bring the older value back.
func TestAPutThatArrivesLateDoesNotBringBackWhatWasEvicted(t *testing.T) {
	server := redistest.Start(t)
	proxy := redistest.StartProxy(t, server.Addr())
	namespace, src := redistest.Unique(t), source{}
	a := cacheable.New(join(t, client(t, proxy.Addr()), namespace), "c", src.load)
	b := cacheable.New(join(t, server.Client(t), namespace), "c", src.load)
	for range 3 { // Redis knows the script from now on, and this node the versions
		require.NoError(t, a.Put(t.Context(), "k", 0))
		_, err := a.Get(t.Context(), "k")
		require.NoError(t, err)
	}

	proxy.Hang()
	src.value.Store(1)
	ctx, cancel := context.WithTimeout(t.Context(), timeout) // of this one alone: the others may take their time
	defer cancel()
	require.ErrorIs(t, a.Put(ctx, "k", 1), store.ErrUnavailable)
	src.value.Store(2)
	require.NoError(t, b.Evict(t.Context(), "k"))
	proxy.Heal()
	for deadline := time.Now().Add(300 * time.Millisecond); time.Now().Before(deadline); {
		v, err := b.Get(t.Context(), "k")
		require.NoError(t, err)
		require.EqualValues(t, 2, v)
	}
}
