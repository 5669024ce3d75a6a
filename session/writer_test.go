package session_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

type plainWriter struct{ http.ResponseWriter }

type flushWriter struct {
	http.ResponseWriter
	http.Flusher
}

type hijackWriter struct {
	http.ResponseWriter
	http.Hijacker
}

type bothWriter struct {
	http.ResponseWriter
	http.Flusher
	http.Hijacker
}

type noHijacker struct{}

func (noHijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return nil, nil, http.ErrNotSupported
}

// alexedwards/scs#141, #186, #11: the wrapper hid Flusher and Hijacker, or had them although the writer below had not.
func TestWriterHasWhatIsBelow(t *testing.T) {
	m := node(t, redistestMini(t))
	rec := httptest.NewRecorder()
	for _, below := range []http.ResponseWriter{
		plainWriter{rec}, flushWriter{rec, rec}, hijackWriter{rec, noHijacker{}}, bothWriter{rec, rec, noHijacker{}},
	} {
		_, flushes := below.(http.Flusher)
		_, hijacks := below.(http.Hijacker)
		m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, f := w.(http.Flusher)
			_, h := w.(http.Hijacker)
			require.Equal(t, flushes, f)
			require.Equal(t, hijacks, h)
			u, ok := w.(interface{ Unwrap() http.ResponseWriter })
			require.True(t, ok)
			require.Equal(t, below, u.Unwrap())
		})).ServeHTTP(below, httptest.NewRequest(http.MethodGet, "/", nil))
	}
}

// Each way to begin a response commits the session first.
func TestEachWayToWriteSetsTheCookie(t *testing.T) {
	m := node(t, redistestMini(t))
	for name, write := range map[string]func(t *testing.T, w http.ResponseWriter){
		"nothing":      func(*testing.T, http.ResponseWriter) {},
		"write":        func(_ *testing.T, w http.ResponseWriter) { _, _ = w.Write([]byte("x")) },
		"write string": func(_ *testing.T, w http.ResponseWriter) { _, _ = io.WriteString(w, "x") },
		"status":       func(_ *testing.T, w http.ResponseWriter) { w.WriteHeader(http.StatusSeeOther) },
		"no content":   func(_ *testing.T, w http.ResponseWriter) { w.WriteHeader(http.StatusNoContent) },
		"copy":         func(_ *testing.T, w http.ResponseWriter) { _, _ = io.Copy(w, strings.NewReader("x")) },
		"flusher":      func(_ *testing.T, w http.ResponseWriter) { w.(http.Flusher).Flush() },
		"controller":   func(t *testing.T, w http.ResponseWriter) { require.NoError(t, http.NewResponseController(w).Flush()) },
		"hijack": func(t *testing.T, w http.ResponseWriter) {
			conn, buf, err := w.(http.Hijacker).Hijack()
			require.NoError(t, err)
			defer func() { _ = conn.Close() }()
			// Like websocket libraries that send the headers themselves.
			_, _ = buf.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: test\r\n")
			_ = w.Header().Write(buf)
			_, _ = buf.WriteString("\r\n")
			require.NoError(t, buf.Flush())
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				require.NoError(t, m.Update(r.Context(), add(1)))
				write(t, w)
			})))
			defer server.Close()
			client := server.Client()
			client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			res, err := client.Get(server.URL)
			require.NoError(t, err)
			require.NoError(t, res.Body.Close())
			require.Equal(t, 1, get(t, m, cookieOf(t, res).Value).N)
		})
	}
}

// A 103 precedes the headers, so a login after it still works.
func TestEarlyHints(t *testing.T) {
	m := node(t, redistestMini(t))
	server := httptest.NewServer(m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		require.NoError(t, m.Login(r.Context(), "ann"))
		w.WriteHeader(http.StatusCreated)
	})))
	defer server.Close()
	hints := 0
	trace := &httptrace.ClientTrace{Got1xxResponse: func(int, textproto.MIMEHeader) error { hints++; return nil }}
	r, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), http.MethodGet, server.URL, nil)
	require.NoError(t, err)
	res, err := server.Client().Do(r)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, 1, hints)
	require.Equal(t, http.StatusCreated, res.StatusCode)
	require.True(t, valid(t, m, cookieOf(t, res).Value))
}

// Server-sent events arrive one by one.
func TestStreaming(t *testing.T) {
	m := node(t, redistestMini(t))
	next := make(chan struct{})
	server := httptest.NewServer(m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for range 3 {
			_, _ = io.WriteString(w, "data: x\n\n")
			w.(http.Flusher).Flush()
			select {
			case <-next:
			case <-r.Context().Done():
				return
			}
		}
	})))
	defer server.Close()
	res, err := server.Client().Get(server.URL)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	lines := bufio.NewScanner(res.Body)
	for range 3 {
		require.True(t, lines.Scan())
		require.Equal(t, "data: x", lines.Text())
		require.True(t, lines.Scan())
		next <- struct{}{}
	}
}
