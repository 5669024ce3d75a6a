package session

import (
	"bufio"
	"io"
	"net"
	"net/http"
)

// writer commits the session before the headers are sent.
type writer struct {
	http.ResponseWriter
	s *requestSession
}

func (w *writer) commit() { w.s.commit(w.Header()) }

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *writer) WriteHeader(status int) {
	// Informational responses precede the headers; a switch of protocols does not.
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

// ReadFrom sends a file without copying it, if the writer below supports that.
func (w *writer) ReadFrom(r io.Reader) (int64, error) {
	w.commit()
	return io.Copy(w.ResponseWriter, r)
}

// FlushError is for http.ResponseController, which prefers it to Flush.
func (w *writer) FlushError() error {
	w.commit()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// flush and hijack are exported only if the writer below has them: handlers use type assertions to find out whether
// they can stream, or take over the connection.
func (w *writer) flush() { _ = w.FlushError() }

func (w *writer) hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.commit() // so that a handler that writes the response itself finds the cookie among the headers
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

type flusher struct{ *writer }

func (w flusher) Flush() { w.flush() }

type hijacker struct{ *writer }

func (w hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.hijack() }

type flusherHijacker struct{ *writer }

func (w flusherHijacker) Flush() { w.flush() }

func (w flusherHijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.hijack() }

func wrap(below http.ResponseWriter, s *requestSession) (http.ResponseWriter, *writer) {
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
