package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLagIsThatOfTheAnswerOrOfTheWaitForIt(t *testing.T) {
	var l lag
	l.begin(3 * time.Millisecond)
	require.Equal(t, 3*time.Millisecond, l.now())
	l.answered() // to a ping that was sent before the probe
	require.Equal(t, 3*time.Millisecond, l.now())
	l.sent.Store(int64(time.Since(began) - time.Minute))
	require.GreaterOrEqual(t, l.now(), time.Minute, "not answered yet")
	l.asked()
	require.GreaterOrEqual(t, l.now(), time.Minute, "the earlier one counts")
	l.answered()
	require.GreaterOrEqual(t, l.now(), time.Minute)
	l.asked()
	l.answered()
	require.Less(t, l.now(), time.Minute)
}

func TestKindOfAnEvictionAllocatesNothing(t *testing.T) {
	s := &Store{cfg: config{namespace: "a-namespace-that-is-longer-than-thirty-two-bytes"}}
	for key, kind := range map[Key]evictionKind{
		textKey(entryPrefix(s.cfg.namespace, "all"), "#tag:x"): kindKey,
		markerKey(s.cfg.namespace, "tag", "x"):                 kindTag,
		markerKey(s.cfg.namespace, "all", "x"):                 kindAll,
		everythingKey(s.cfg.namespace):                         kindEverything,
	} {
		require.Equal(t, kind, s.kindOf(key), key.addr)
		require.Zero(t, testing.AllocsPerRun(100, func() { s.kindOf(key) }))
	}
}
