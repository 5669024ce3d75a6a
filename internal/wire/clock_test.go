package wire

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const second = int64(time.Second / time.Microsecond)

func TestTheClockIsThisMachinesUntilRedisWasAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c Clock
		require.False(t, c.Known())
		require.Equal(t, time.Now().UnixMicro(), c.Now())
		time.Sleep(time.Second)
		require.Equal(t, time.Now().UnixMicro(), c.Now())
		require.Equal(t, 3*time.Second, c.Age(time.Now().Add(-3*time.Second).UnixMicro()))
	})
}

func TestTheClockFollowsRedis(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c Clock
		const redis = 5_000_000_000 * second // far from the clock of this machine
		c.Learn(redis, time.Now())
		require.True(t, c.Known())
		require.Equal(t, redis, c.Now())
		time.Sleep(90 * time.Second)
		require.Equal(t, redis+90*second, c.Now(), "it goes on by itself")
		require.Equal(t, 90*time.Second, c.Age(redis))
		require.Zero(t, c.Age(redis+91*second), "an age is never negative")
	})
}

// Redis has read its clock some time between the command and the reply: halfway, as far as anybody knows.
func TestTheTimeOnTheWayIsHalved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c Clock
		sent := time.Now()
		time.Sleep(200 * time.Millisecond)
		c.Learn(second, sent)
		require.Equal(t, second+second/10, c.Now())
	})
}

func TestTheLastReadingCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c Clock
		c.Learn(100*second, time.Now())
		c.Learn(7*second, time.Now()) // Redis's clock was set back
		require.Equal(t, 7*second, c.Now())
	})
}

func TestMicrosPutsSecondsAndMicrosecondsTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := time.UnixMicro(rapid.Int64Range(0, 1<<52).Draw(t, "micros"))
		got, ok := Micros(strconv.FormatInt(want.Unix(), 10), strconv.Itoa(want.Nanosecond()/1000))
		require.True(t, ok)
		require.Equal(t, want.UnixMicro(), got)
	})
	for _, wrong := range [][2]any{{"x", "1"}, {"1", "x"}, {nil, "1"}, {"1", nil}, {int64(1), "1"}, {"", ""}} {
		_, ok := Micros(wrong[0], wrong[1])
		require.False(t, ok, "%v", wrong)
	}
}
