package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRunPrintsAVerdictForEachMode(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-rounds", "2", "-nodes", "2", "-writers", "2"}, &out))
	for _, mode := range []string{"after", "tag", "around", "aroundtag", "replace"} {
		require.Regexp(t, `(?m)^`+mode+` +\d+ reads, 80 writes, .* 0 stale reads, 0 keys stale for good`, out.String())
	}
}

func TestBadArguments(t *testing.T) {
	for _, args := range [][]string{
		{"-mode", "x"}, {"-nodes", "0"}, {"-writers", "3"}, {"-rounds", "-1"}, {"-redis", "127.0.0.1:1"}, {"-no"},
	} {
		require.Error(t, run(t.Context(), args, &bytes.Buffer{}), "%v", args)
	}
}
