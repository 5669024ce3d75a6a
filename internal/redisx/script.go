package redisx

import (
	"crypto/sha1" //nolint:gosec // it is the name of the script, not a safeguard
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// Script is a Lua script that works on one key. It has to be safe to run although its reply is lost.
type Script struct{ text, sha string }

// NewScript returns the script with the given text.
func NewScript(text string) *Script {
	sum := sha1.Sum([]byte(text)) //nolint:gosec // see above
	s := &Script{text: text, sha: hex.EncodeToString(sum[:])}
	known.Store(s.sha, s)
	known.Store(s.text, s)
	return s
}

// Text is the script, as EVAL takes it.
func (s *Script) Text() string { return s.text }

// SHA is the name of the script, as EVALSHA takes it.
func (s *Script) SHA() string { return s.sha }

var (
	known sync.Map // of *Script, by name and by text

	called = regexp.MustCompile(`redis\.p?call\('(\w+)'`)
)

// commands are those that the script uses, which its user has to be granted too.
func (s *Script) commands() []string {
	var names []string
	for _, match := range called.FindAllStringSubmatch(s.text, -1) {
		names = append(names, strings.ToLower(match[1]))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// scriptOf returns the script that a command runs, or nil.
func scriptOf(cmd redis.Cmder) *Script {
	if name := cmd.Name(); name != "evalsha" && name != "eval" || len(cmd.Args()) < 2 {
		return nil
	}
	s, ok := known.Load(cmd.Args()[1])
	if !ok {
		return nil
	}
	return s.(*Script)
}
