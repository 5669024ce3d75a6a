package redistest

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestALogKeepsLines(t *testing.T) {
	log := NewLog(slog.LevelInfo)
	log.Logger().Debug("too low")
	log.Logger().Info("one", "a", 1)
	log.Logger().Warn("one two", "b", "x")
	require.Equal(t, []string{"one a=1", "one two b=x"}, Texts(log.With("one")))
	require.Len(t, log.With("b=x"), 1)
	require.Len(t, log.At(slog.LevelWarn, "one"), 1)
	require.Empty(t, log.At(slog.LevelWarn, "two"))
	require.EqualValues(t, 1, log.With("a=1")[0].Attr("a").Any())
	require.Nil(t, log.With("a=1")[0].Attr("none").Any())
}
