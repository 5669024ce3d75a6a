package acltest

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// rule is a fenced block of docs/operations.md: "ACL SETUSER user" and the words after it.
type rule struct {
	user  string
	words []string
}

var plain = regexp.MustCompile(`[^a-z]`)

const password = "secret"

var fence = regexp.MustCompile("(?s)```acl ([^\n]+)\n(.*?)```")

// rules reads the documented rules, by the name of their fence.
func rules(t *testing.T) map[string]rule {
	t.Helper()
	text, err := os.ReadFile("../../docs/operations.md")
	require.NoError(t, err)
	found := map[string]rule{}
	for _, block := range fence.FindAllStringSubmatch(string(text), -1) {
		fields := strings.Fields(block[2])
		require.Greater(t, len(fields), 3, block[0])
		require.Equal(t, []string{"ACL", "SETUSER"}, fields[:2], block[0])
		found[block[1]] = rule{user: fields[2], words: fields[3:]}
	}
	for _, name := range []string{"store", "ratelimit", "session", "cluster", "wait", "select", "readonly", "setname", "setinfo", "sentinel"} {
		require.Contains(t, found, name, "docs/operations.md has no block ```acl %s", name)
	}
	return found
}

// and returns the rule with the words of more rules.
func (r rule) and(more ...rule) rule {
	words := slices.Clone(r.words)
	for _, m := range more {
		words = append(words, m.words...)
	}
	return rule{r.user, words}
}

// without returns the rule of another user, who lacks a word.
func (r rule) without(word string) rule {
	words := slices.DeleteFunc(slices.Clone(r.words), func(w string) bool { return w == word })
	return rule{r.user + "-without-" + plain.ReplaceAllString(word, ""), words}
}

// within returns the rule for another pattern of keys.
func (r rule) within(pattern string) rule {
	words := slices.Clone(r.words)
	for i, w := range words {
		if strings.HasPrefix(w, "~") {
			words[i] = "~" + pattern
		}
	}
	return rule{r.user, words}
}

// permissions are the words that allow something: commands, keys, and channels.
func (r rule) permissions() []string {
	return slices.DeleteFunc(slices.Clone(r.words), func(w string) bool { return !strings.ContainsAny(w[:1], "+~&") })
}

func (r rule) allows(command string) bool {
	return slices.Contains(r.words, "+"+strings.ToLower(command))
}

func (r rule) command() []any {
	args := []any{"ACL", "SETUSER", r.user}
	for _, w := range r.words {
		args = append(args, w)
	}
	return args
}
