package endpoint

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redisx/internal/rediserr"
)

// script is a server that answers one command after the other.
type script struct {
	t      *testing.T
	client *conn
	server net.Conn
	in     *bufio.Reader
}

// dialog connects a connection of the endpoint to a server that the test plays.
func dialog(t *testing.T, e *Endpoint) *script {
	t.Helper()
	near, far := net.Pipe()
	cn, err := e.Dialer(func(context.Context, string, string) (net.Conn, error) { return near, nil })(t.Context(), "tcp", "x")
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = near.Close(), far.Close() })
	deadline := time.Now().Add(10 * time.Second)
	require.NoError(t, errors.Join(near.SetDeadline(deadline), far.SetDeadline(deadline)))
	return &script{t: t, client: cn.(*conn), server: far, in: bufio.NewReader(far)}
}

// exchange sends a command, answers it and the INFO in front of it, and returns what the client reads.
func (s *script) exchange(command string, answers map[string]string) (sent, got string, err error) {
	s.t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for sent != command && !strings.HasSuffix(sent, command) {
			b, err := s.in.ReadByte()
			if err != nil {
				return
			}
			sent += string(b)
		}
		reply := ""
		for section, text := range map[string]string{"replication": answers["replication"], "server": answers["server"]} {
			if text != "" && !strings.Contains(sent, section) {
				s.t.Errorf("%s was not asked for: %q", section, sent)
			}
		}
		for _, section := range []string{"replication", "server"} {
			if strings.Contains(sent, section) {
				reply += answers[section]
			}
		}
		reply = answers["before"] + reply + "+DONE\r\n"
		for _, b := range []byte(reply) { // a reply may come in pieces
			if _, err := s.server.Write([]byte{b}); err != nil {
				return
			}
		}
	}()
	n, err := s.client.Write([]byte(command))
	if err == nil {
		require.Equal(s.t, len(command), n)
		b := make([]byte, 4<<10)
		for !strings.HasSuffix(got, "+DONE\r\n") && err == nil {
			n, err = s.client.Read(b)
			got += string(b[:n])
		}
	}
	if err != nil {
		_ = s.server.Close()
	}
	<-done
	return sent, got, err
}

func bulk(text string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(text), text) }

const command = "*1\r\n$4\r\nPING\r\n"

func master(run, history string) map[string]string {
	return map[string]string{
		"replication": bulk("# Replication\r\nrole:master\r\nmaster_replid:" + history + "\r\n"), "server": bulk("run_id:" + run + "\r\n"),
	}
}

func TestAConnectionAsksWithItsFirstCommandAfterTheHandshake(t *testing.T) {
	w := &watcher{}
	e := New("a", Config{Watcher: w})
	s := dialog(t, e)
	for _, hello := range []string{"*2\r\n$5\r\nhello\r\n$1\r\n3\r\n", "*2\r\n$4\r\nAUTH\r\n$1\r\nx\r\n"} {
		sent, got, err := s.exchange(hello, nil)
		require.NoError(t, err)
		require.Equal(t, hello, sent)
		require.Equal(t, "+DONE\r\n", got)
	}
	sent, got, err := s.exchange(command, master("r", "h"))
	require.NoError(t, err)
	require.Equal(t, string(askBoth)+command, sent)
	require.Equal(t, "+DONE\r\n", got)
	met, _ := w.seen()
	require.Equal(t, []Identity{{Run: "r", History: "h"}}, met["a"])
	sent, _, err = s.exchange(command, nil)
	require.NoError(t, err)
	require.Equal(t, command, sent, "once is enough for a while")

	e.Doubt()
	sent, _, err = s.exchange(command, map[string]string{"replication": master("r", "h2")["replication"]})
	require.NoError(t, err)
	require.Equal(t, string(askRole)+command, sent)
	met, _ = w.seen()
	require.Equal(t, Identity{Run: "r", History: "h2"}, met["a"][1])

	s.client.asked = s.client.asked.Add(-askEvery)
	sent, _, err = s.exchange(command, map[string]string{"replication": master("r", "h2")["replication"]})
	require.NoError(t, err)
	require.Equal(t, string(askRole)+command, sent, "it asks again after a while")
}

// A push comes at any time in RESP 3, and is passed on.
func TestPushesBeforeAnAnswerArePassedOn(t *testing.T) {
	s := dialog(t, New("", Config{}))
	answers := master("r", "h")
	answers["before"] = ">2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n"
	_, got, err := s.exchange(command, answers)
	require.NoError(t, err)
	require.Equal(t, answers["before"]+"+DONE\r\n", got)
}

func TestWhichServersAreRefused(t *testing.T) {
	replica := bulk("role:slave\r\nmaster_replid:h\r\n")
	for name, tt := range map[string]struct {
		answers map[string]string
		want    error
		blind   bool
	}{
		"a replica": {map[string]string{"replication": replica, "server": bulk("run_id:r\r\n")}, ErrNotMaster, false},
		"a server that is busy": {
			map[string]string{"replication": "-BUSY running\r\n", "server": "-BUSY running\r\n"}, rediserr.Reply("BUSY running"), false,
		},
		"a server that wants a password": {
			map[string]string{"replication": "-NOAUTH\r\n", "server": "-NOAUTH\r\n"}, rediserr.Reply("NOAUTH"), false,
		},
		"one that may not tell":  {map[string]string{"replication": "-NOPERM no\r\n", "server": "-NOPERM no\r\n"}, nil, true},
		"one that can't tell":    {map[string]string{"replication": "-ERR unknown command\r\n", "server": "-ERR unknown command\r\n"}, nil, true},
		"one that tells nothing": {map[string]string{"replication": "$0\r\n\r\n", "server": "$0\r\n\r\n"}, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := &watcher{}
			s := dialog(t, New("", Config{Watcher: w}))
			_, got, err := s.exchange(command, tt.answers)
			met, blind := w.seen()
			require.Empty(t, met)
			if tt.want == nil {
				require.NoError(t, err)
				require.Equal(t, "+DONE\r\n", got)
				require.Len(t, blind, 1)
				require.Error(t, blind[0])
				return
			}
			require.True(t, rediserr.IsDiscarded(err), "%v", err)
			require.ErrorIs(t, err, tt.want)
			require.True(t, rediserr.Unhealthy(err))
			require.Empty(t, got, "nothing of it is used")
			require.Empty(t, blind)
			_, err = s.client.Write([]byte(command))
			require.ErrorIs(t, err, tt.want)
			_, err = s.client.SyscallConn()
			require.ErrorIs(t, err, tt.want, "the pool throws it away")
		})
	}
}

func TestReplicasAreUsedWhereThatIsAllowed(t *testing.T) {
	w := &watcher{}
	s := dialog(t, New("", Config{Replicas: true, Watcher: w}))
	_, _, err := s.exchange(command, map[string]string{"replication": bulk("role:slave\r\nmaster_replid:h\r\n"), "server": bulk("run_id:r\r\n")})
	require.NoError(t, err)
	met, _ := w.seen()
	require.Empty(t, met)
}

// A connection is discarded as soon as a newer one has reached another server: before its next command, and also while a
// command is in flight.
func TestOlderConnectionsAreDiscarded(t *testing.T) {
	e := New("", Config{})
	old, idle := dialog(t, e), dialog(t, e)
	for _, s := range []*script{old, idle} {
		_, _, err := s.exchange(command, master("r", "h"))
		require.NoError(t, err)
	}
	replied := make(chan error, 1)
	go func() {
		_, err := old.server.Read(make([]byte, 64))
		replied <- err
	}()
	_, err := old.client.Write([]byte(command))
	require.NoError(t, err)
	require.NoError(t, <-replied)
	_, _, err = dialog(t, e).exchange(command, master("r2", "h"))
	require.NoError(t, err)
	_, err = old.client.Read(make([]byte, 64))
	require.ErrorIs(t, err, ErrOtherData)
	_, err = idle.client.Write([]byte(command))
	require.ErrorIs(t, err, ErrOtherData)
	require.True(t, rediserr.IsDiscarded(err))
}

// A retired connection is discarded before its next command, with an error of its own. A new one is not.
func TestRetiredConnectionsAreDiscarded(t *testing.T) {
	e := New("", Config{})
	s := dialog(t, e)
	_, _, err := s.exchange(command, master("r", "h"))
	require.NoError(t, err)
	e.Retire()
	_, err = s.client.SyscallConn()
	require.ErrorIs(t, err, ErrRetired)
	require.True(t, rediserr.IsDiscarded(err))
	_, err = s.client.Write([]byte(command))
	require.ErrorIs(t, err, ErrRetired)
	_, _, err = dialog(t, e).exchange(command, master("r", "h"))
	require.NoError(t, err)
}

func TestAReplyThatIsSlowIsNoSilence(t *testing.T) {
	s := dialog(t, New("", Config{}))
	_, _, err := s.exchange(command, master("r", "h"))
	require.NoError(t, err)
	for _, begun := range []bool{true, false} {
		go func() {
			_, _ = s.server.Read(make([]byte, 64))
			if begun {
				_, _ = s.server.Write([]byte("$100\r\n"))
			}
		}()
		_, err = s.client.Write([]byte(command))
		require.NoError(t, err)
		if begun {
			_, err = s.client.Read(make([]byte, 64))
			require.NoError(t, err)
		}
		require.NoError(t, s.client.SetReadDeadline(time.Now().Add(-time.Second)))
		_, err = s.client.Read(make([]byte, 64))
		require.Error(t, err)
		require.Equal(t, begun, rediserr.IsSlow(err))
		require.Equal(t, !begun, rediserr.Unhealthy(err))
		require.NoError(t, s.client.SetReadDeadline(time.Now().Add(10*time.Second)))
	}
}
