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

// Script is a Lua script that works on keys of one slot, and so on any node of a Cluster. It must be safe to run when its
// reply is lost.
type Script struct{ text, sha string }

// NewScript returns the script with the given text.
func NewScript(text string) *Script {
	sum := sha1.Sum([]byte(text)) //nolint:gosec // see above
	s := &Script{text: text, sha: hex.EncodeToString(sum[:])}
	known.Store(s.sha, s)
	known.Store(s.text, s)
	return s
}

// Text is what EVAL takes.
func (s *Script) Text() string { return s.text }

// SHA is what EVALSHA takes.
func (s *Script) SHA() string { return s.sha }

var (
	known sync.Map // of *Script, by SHA-1 and by text

	called = regexp.MustCompile(`redis\.p?call\('(\w+)'`)
)

// commands are those that the script uses. Its user has to be granted them too.
func (s *Script) commands() []string {
	var names []string
	for _, match := range called.FindAllStringSubmatch(s.text, -1) {
		names = append(names, strings.ToLower(match[1]))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// commandsOf returns the commands that a command uses if it runs a script.
func commandsOf(cmd redis.Cmder) []string {
	if name := cmd.Name(); name != "evalsha" && name != "eval" || len(cmd.Args()) < 2 {
		return nil
	}
	s, ok := known.Load(cmd.Args()[1])
	if !ok {
		return nil
	}
	return s.(*Script).commands()
}
