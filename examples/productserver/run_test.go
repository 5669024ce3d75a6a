package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestExitCodes(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	tests := []struct {
		name string
		args []string
		env  map[string]string
		code int
		says string
	}{
		{"help", []string{"-help"}, nil, exitOK, "REDIS_URL"},
		{"unknown flag", []string{"-colour"}, nil, exitUsage, "-colour"},
		{"bad address", []string{"-addr=nowhere"}, nil, exitUsage, "ADDR"},
		{"bad Redis URL", nil, map[string]string{"REDIS_URL": "redis://:s3cret@h:x"}, exitUsage, "REDIS_URL"},
		{"bad MongoDB URI", nil, map[string]string{"MONGO_URI": "mongodb://u:s3cret/@h"}, exitUsage, "MONGO_URI"},
		{"address in use", []string{"-seed=0", "-addr=" + taken.Addr().String()}, nil, exitFailed, "in use"},
		{"no MongoDB there", []string{"-mongo-uri=mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=200"}, nil, exitFailed, "MongoDB does not answer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			code := run(t.Context(), tt.args, func(k string) string { return tt.env[k] }, &out)
			if code != tt.code || !strings.Contains(out.String(), tt.says) || strings.Contains(out.String(), "s3cret") {
				t.Errorf("exit code %d, want %d; output: %s", code, tt.code, out.String())
			}
		})
	}
}

// TestShutdownFinishesRequests: a request whose body is still on its way when the signal comes is answered.
func TestShutdownFinishesRequests(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	p := start(t, nil)
	body, feed := io.Pipe()
	done := make(chan int)
	// The server asks for the body when its handler begins to read it: from then on the request is at work.
	begun := make(chan struct{})
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got100Continue: func() { close(begun) }})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/products", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Expect", "100-continue")
	go func() {
		res, err := p.client.Do(req)
		if err != nil {
			t.Error(err)
			done <- 0
			return
		}
		_ = res.Body.Close()
		done <- res.StatusCode
	}()
	<-begun
	half := len(lampJSON) / 2
	if _, err := io.WriteString(feed, lampJSON[:half]); err != nil {
		t.Fatal(err)
	}
	p.end()
	p.log.await(t, regexp.MustCompile(`msg="stopping`))
	if _, err := io.WriteString(feed, lampJSON[half:]); err != nil {
		t.Fatal(err)
	}
	_ = feed.Close()
	if status := <-done; status != http.StatusCreated {
		t.Errorf("the request at work got %d", status)
	}
	if code := p.stop(); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	if _, err := p.send("GET", "/healthz", ""); err == nil {
		t.Error("it still answers")
	}
	if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}
