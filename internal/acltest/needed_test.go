package acltest

import (
	"context"
	"flag"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/pause"
	"github.com/jollyjet/aside/internal/redistest"
)

var costs = flag.Bool("costs", false, "do the whole tour without each permission, and print which steps fail")

// Without any one of its permissions a user is refused something, and the log says which one to grant. So no rule has a
// permission too many.
func TestEveryPermissionIsNeeded(t *testing.T) {
	redistest.Require(t)
	p := single(t)
	for _, tour := range tours {
		r := rules(t)[tour.rule]
		for _, word := range r.permissions() {
			t.Run(tour.rule+" "+word, func(t *testing.T) {
				if word != "+eval" { // it is needed where a script is not known yet, so it comes before the others
					t.Parallel()
				}
				lacking := r.without(word)
				namespace := "n-" + lacking.user
				v := p.visitor(t, lacking.within(namespace+":*"), namespace)
				if word[0] == '~' {
					v = p.visitor(t, lacking, namespace)
				}
				v.silent = word == "+info" && tour.rule != "store" // the others depend less on it, and nothing is logged
				p.tourWithout(t, v, tour.steps, lacking.user, word)
			})
		}
	}
}

// tourWithout does a tour until it is refused for the lack of a permission, and the log says so.
func (p *place) tourWithout(t *testing.T, v *visitor, tour func(*testing.T, *visitor) []step, user, word string) {
	t.Helper()
	refused := func() bool {
		return slices.ContainsFunc(p.refusedTo(t, user), func(r refusal) bool { return r.of(word) })
	}
	advised := func() bool { return v.silent || v.advised(word) }
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		for (!refused() || !advised()) && pause.For(ctx, 10*time.Millisecond) {
			continue // ACL LOG can only be asked
		}
		if !*costs {
			cancel()
		}
	}()
	v.pinged = func() bool { return word != "+ping" || refused() } // others ping at the same time
	var failed []string
	for _, s := range tour(t, v) {
		if ctx.Err() == nil && s.do(ctx) != nil {
			failed = append(failed, s.name)
		}
	}
	if *costs {
		t.Logf("without %s these fail: %s; logged: %s", word, strings.Join(failed, ", "), strings.Join(redistest.Texts(v.lines.With("Redis")), "\n"))
	}
	cancel()
	<-watched
	require.True(t, refused(), "%s is not needed", word)
	require.True(t, advised(), "no line says to grant %s: %s", word, strings.Join(redistest.Texts(v.lines.With("")), "\n"))
}

// advised reports whether the log says to grant a permission.
func (v *visitor) advised(word string) bool {
	switch {
	case word == "+info":
		return len(v.lines.With("grant +info")) > 0
	case word[0] == '&':
		return len(v.lines.With("grant the user the channel "+word)) > 0
	case word[0] == '~':
		return len(v.lines.With("grant the user the keys ~"+v.namespace+":*")) > 0
	case len(v.lines.With("grant the user "+word)) > 0:
		return true
	default: // before Redis 7.2 a script does not say which of its commands was refused, so the log names all
		return slices.ContainsFunc(redistest.Texts(v.lines.With("what this script uses:")), func(line string) bool {
			return slices.Contains(strings.Fields(line), word)
		})
	}
}
