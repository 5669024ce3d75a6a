package ratelimit

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/setup"
)

func TestRuleNames(t *testing.T) {
	seen := map[string]string{}
	for _, match := range []string{"/", "GET /", "GET_/", "/{id}", "/{$}", "/_7B", "example.com/", "/" + strings.Repeat("x", 200), "/" + strings.Repeat("x", 201)} {
		name := ruleName(match)
		require.True(t, setup.IsName(name), name)
		require.NotContains(t, seen, name)
		seen[name] = match
	}
}
