package session

import (
	"bufio"
	"io"
	"net"
	"net/http"
)

// writer commits the session before the headers go out.
type writer struct {
	http.ResponseWriter
	s *scope
}

func (w *writer) commit() { w.s.commit(w.Header()) }

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *writer) WriteHeader(status int) {
	// What is informational goes out before the headers, but for the change to another protocol.
	if status < 100 || status > 199 || status == http.StatusSwitchingProtocols {
		w.commit()
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) Write(p []byte) (int, error) {
	w.commit()
	return w.ResponseWriter.Write(p)
}

func (w *writer) WriteString(text string) (int, error) {
	w.commit()
	return io.WriteString(w.ResponseWriter, text)
}

// ReadFrom lets a file go out without a copy, where the writer below can do that.
func (w *writer) ReadFrom(r io.Reader) (int64, error) {
	w.commit()
	return io.Copy(w.ResponseWriter, r)
}

// FlushError is what http.ResponseController looks for first.
func (w *writer) FlushError() error {
	w.commit()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// flush and hijack are the methods that a writer has only if the one below has them: handlers ask by type assertion
// whether they can stream, or take the connection over.
func (w *writer) flush() { _ = w.FlushError() }

func (w *writer) hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.commit() // a handler that answers by hand finds the cookie among the headers
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

type flusher struct{ *writer }

func (w flusher) Flush() { w.flush() }

type hijacker struct{ *writer }

func (w hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.hijack() }

type flusherHijacker struct{ *writer }

func (w flusherHijacker) Flush() { w.flush() }

func (w flusherHijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.hijack() }

func wrap(below http.ResponseWriter, s *scope) (http.ResponseWriter, *writer) {
	w := &writer{below, s}
	_, flushes := below.(http.Flusher)
	_, hijacks := below.(http.Hijacker)
	switch {
	case flushes && hijacks:
		return flusherHijacker{w}, w
	case flushes:
		return flusher{w}, w
	case hijacks:
		return hijacker{w}, w
	}
	return w, w
}
