package endpoint

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redisx/internal/rediserr"
)

// A server that began to answer is slow; one of which nothing came does not answer. INFO's reply counts like others.
func TestAnAnswerThatStopsHalfwayIsSlow(t *testing.T) {
	for name, answered := range map[string]string{"nothing": "", "a part of INFO": "$20\r\nmaster"} {
		t.Run(name, func(t *testing.T) {
			s := dialog(t, New("a", Config{}))
			go func() {
				b := make([]byte, len(askBoth)+len(command))
				for n := 0; n < len(b); {
					got, err := s.server.Read(b[n:])
					if err != nil {
						return
					}
					n += got
				}
				_, _ = s.server.Write([]byte(answered))
				_ = s.client.Conn.SetReadDeadline(time.Now())
			}()
			_, err := s.client.Write([]byte(command))
			require.NoError(t, err)
			_, err = s.client.Read(make([]byte, 100))
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			var slow *rediserr.Slow
			require.Equal(t, answered != "", errors.As(err, &slow))
		})
	}
}

// A server that refuses INFO for now, and has said before who it is, is not one that never says it.
func TestAServerThatIsBusyIsNotBlind(t *testing.T) {
	w := &watcher{}
	e := New("a", Config{Watcher: w})
	s := dialog(t, e)
	_, _, err := s.exchange(command, master("r", "h"))
	require.NoError(t, err)
	e.Doubt()
	_, _, err = s.exchange(command, map[string]string{"replication": "-BUSY running\r\n"})
	require.NoError(t, err)
	_, blind := w.seen()
	require.Empty(t, blind)
}
