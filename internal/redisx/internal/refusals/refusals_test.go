package refusals

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redisx/internal/rediserr"
)

func TestACauseIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		scripts := map[string][]string{"evalsha": {"get", "set"}}
		l := New(slog.New(slog.NewTextHandler(&out, nil)), "app:*", func(cmd redis.Cmder) []string { return scripts[cmd.Name()] })
		lines := func() int { return strings.Count(out.String(), "\n") }
		refuse := func(name, text string) {
			l.Record("a:1", redis.NewCmd(t.Context(), name), rediserr.Reply(text))
		}

		for range 10 {
			refuse("get", "NOPERM no permissions to access a key")
		}
		require.Equal(t, 1, lines())
		require.Contains(t, out.String(), "aside: Redis refuses GET; grant the user the keys ~app:*")
		refuse("get", "OOM command not allowed")
		require.Equal(t, 2, lines(), "another cause")
		refuse("evalsha", "ERR can't run this command or subcommand script: x")
		require.Contains(t, out.String(), "what this script uses: +get +set")
		require.Equal(t, 3, lines())

		now := l.Now()
		require.Len(t, now, 3)
		require.EqualValues(t, 10, now[1].Count)
		require.Equal(t, "GET", now[1].Command)

		time.Sleep(2 * currentFor)
		require.Empty(t, l.Now())
		refuse("get", "OOM command not allowed")
		require.Equal(t, 3, lines(), "it comes and goes")
		time.Sleep(logAgain)
		refuse("get", "OOM command not allowed")
		require.Equal(t, 4, lines())
	})
}

// Which commands a script uses takes a search of its text, so it is not asked for each refusal.
func TestScriptsAreSearchedOnlyIfRedisDoesNotNameTheCommand(t *testing.T) {
	var searched int
	l := New(nil, "app:*", func(redis.Cmder) []string { searched++; return []string{"get"} })
	l.Record("a:1", redis.NewCmd(t.Context(), "evalsha"), rediserr.Reply("OOM command not allowed"))
	require.Zero(t, searched)
	l.Record("a:1", redis.NewCmd(t.Context(), "evalsha"), rediserr.Reply("ERR can't run this command or subcommand script: x"))
	require.Equal(t, 1, searched)
}
