package acltest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
)

// tours are the tours by the rule that should be enough for each, with the namespace of the rule's keys.
var tours = []struct {
	rule, namespace string
	steps           func(*testing.T, *visitor) []step
	examples        []string // packages
}{
	{"store", "shop", stores, []string{"cacheable", "evict", "consistency"}},
	{"ratelimit", "aside", limits, []string{"ratelimit"}},
	{"session", "session", sessions, []string{"session"}},
}

// onBoth runs a test on one node, and on a Cluster with the additional words that it needs.
func onBoth(t *testing.T, test func(t *testing.T, p *place, more rule)) {
	t.Helper()
	redistest.Require(t)
	documented := rules(t)
	t.Run("single", func(t *testing.T) { test(t, single(t), rule{}) })
	t.Run("cluster", func(t *testing.T) { test(t, cluster(t), documented["cluster"]) })
}

// With the documented rule everything works, nothing is refused, and nothing is logged.
func TestRulesAreEnough(t *testing.T) {
	onBoth(t, func(t *testing.T, p *place, more rule) {
		for _, tour := range tours {
			r := rules(t)[tour.rule].and(more)
			t.Run(tour.rule, func(t *testing.T) {
				v := p.visitor(t, r, tour.namespace)
				for _, s := range tour.steps(t, v) {
					require.NoError(t, s.do(t.Context()), s.name)
				}
				require.Empty(t, v.lines.With("Redis"), "logged")
			})
		}
		require.Empty(t, p.refused(t))
	})
}

// The documented rule is also enough for the examples, in processes of their own.
func TestExamplesUnderTheRules(t *testing.T) {
	redistest.Require(t)
	folder := t.TempDir()
	build(t, folder)
	onBoth(t, func(t *testing.T, p *place, more rule) {
		examples := func(t *testing.T, r rule, name string, which ...string) {
			t.Helper()
			run := exec.CommandContext(t.Context(), filepath.Join(folder, name+".test"), append(which, "-test.timeout=1m")...)
			run.Dir = filepath.Join("../..", name)
			run.Env = append(os.Environ(), redistest.ExampleEnv+"="+p.url(r))
			before := p.calls(t, "flushall")
			out, err := run.CombinedOutput()
			require.NoError(t, err, "%s", out)
			require.NotEqual(t, before, p.calls(t, "flushall"), "the examples used another server")
		}
		for _, tour := range tours {
			r := rules(t)[tour.rule].and(more)
			p.create(t, r)
			for _, name := range tour.examples {
				t.Run(name, func(t *testing.T) { examples(t, r, name, "-test.run=^Example", "-test.skip=^"+both+"$") })
			}
		}
		require.Empty(t, p.refused(t))
	})
}

// both is the example that uses sessions and limits: it would need both rules.
const both = "Example_login"

// build builds the test programs of the packages that have examples, with the flags of this one, so that most is cached.
func build(t *testing.T, folder string) {
	t.Helper()
	args := []string{"test", "-c", "-vet=off", "-o", folder + string(filepath.Separator)}
	if raceEnabled {
		args = append(args, "-race")
	}
	for _, tour := range tours {
		for _, name := range tour.examples {
			args = append(args, "../../"+name)
		}
	}
	out, err := exec.CommandContext(t.Context(), "go", args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

var calls = regexp.MustCompile(`redis\.p?call\('(\w+)'`)

// No script uses a command that its package's rule does not allow, whether or not a tour reaches it.
func TestScriptsUseWhatTheRulesAllow(t *testing.T) {
	for _, tour := range tours {
		r := rules(t)[tour.rule]
		folder := tour.rule
		if folder == "store" {
			folder = "internal" // the scripts of the engine
		}
		scripts, err := filepath.Glob("../../" + folder + "/lua/*.lua")
		require.NoError(t, err)
		require.NotEmpty(t, scripts)
		for _, path := range scripts {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			for _, call := range calls.FindAllStringSubmatch(string(text), -1) {
				require.True(t, r.allows(call[1]), "%s calls %s, which the rule for %s lacks", path, call[1], tour.rule)
			}
		}
	}
}
