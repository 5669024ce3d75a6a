package tracking

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/jollyjet/aside/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLagIsThatOfTheAnswerOrOfTheWaitForIt(t *testing.T) {
	var l lag
	l.begin(3 * time.Millisecond)
	require.Equal(t, 3*time.Millisecond, l.now())
	l.answered() // to a ping that was sent before the probe
	require.Equal(t, 3*time.Millisecond, l.now())
	l.sent.Store(int64(wire.Uptime() - time.Minute))
	require.GreaterOrEqual(t, l.now(), time.Minute, "not answered yet")
	l.asked()
	require.GreaterOrEqual(t, l.now(), time.Minute, "the earlier one counts")
	l.answered()
	require.GreaterOrEqual(t, l.now(), time.Minute)
	l.asked()
	l.answered()
	require.Less(t, l.now(), time.Minute)
}
