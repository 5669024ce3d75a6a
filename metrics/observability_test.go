package metrics_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/metrics"
)

const files = "../examples/observability"

var (
	metricName = regexp.MustCompile(`\baside_[a-z_]+`)
	ofSeries   = regexp.MustCompile(`_(bucket|sum|count)$`)
)

// described returns the names of all metrics.
func described(t *testing.T) map[string]bool {
	t.Helper()
	rdb := redistest.Start(t).Client(t)
	st := open(t, rdb, "shop")
	limiter, sessions, changes := others(t, rdb, st)
	descriptions := make(chan *prometheus.Desc)
	go func() {
		defer close(descriptions)
		for _, c := range []prometheus.Collector{
			metrics.New(st), metrics.Limiter(limiter), metrics.Sessions(sessions), metrics.Changes(changes),
		} {
			c.Describe(descriptions)
		}
	}()
	names := make(map[string]bool)
	quoted := regexp.MustCompile(`fqName: "([^"]+)"`)
	for d := range descriptions {
		names[quoted.FindStringSubmatch(d.String())[1]] = true
	}
	require.Greater(t, len(names), 20)
	return names
}

// used returns the names of metrics in expressions.
func used(expressions []string) map[string]bool {
	names := make(map[string]bool)
	for _, e := range expressions {
		for _, name := range metricName.FindAllString(e, -1) {
			names[ofSeries.ReplaceAllString(name, "")] = true
		}
	}
	return names
}

type dashboard struct {
	Title      string
	UID        string
	Templating struct {
		List []struct {
			Name  string
			Query any
		}
	}
	Panels []panel
}

type panel struct {
	ID      int
	Title   string
	Type    string
	GridPos struct{ X, Y, W, H int }
	Targets []struct{ Expr string }
}

func TestTheDashboardShowsTheMetricsThatThereAre(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(files, "dashboard.json"))
	require.NoError(t, err)
	var d dashboard
	require.NoError(t, json.Unmarshal(raw, &d))
	require.Equal(t, "aside", d.UID)
	declared := make(map[string]bool)
	var expressions []string
	for _, v := range d.Templating.List {
		declared["$"+v.Name], declared["${"+v.Name+"}"] = true, true
		if query, ok := v.Query.(map[string]any); ok {
			expressions = append(expressions, query["query"].(string)) //nolint:forcetypeassert // it fails the test
		}
	}
	ids := make(map[int]bool)
	for i, p := range d.Panels {
		require.False(t, ids[p.ID], "two panels have the id %d", p.ID)
		ids[p.ID] = true
		for _, other := range d.Panels[:i] {
			require.False(t, overlap(p, other), "%q and %q overlap", p.Title, other.Title)
		}
		if p.Type == "row" {
			continue
		}
		require.NotEmpty(t, p.Targets, p.Title)
		for _, target := range p.Targets {
			expressions = append(expressions, target.Expr)
			for _, variable := range regexp.MustCompile(`\$\w+`).FindAllString(target.Expr, -1) {
				require.True(t, declared[variable] || variable == "$__rate_interval", "%s: %s is not declared", p.Title, variable)
			}
		}
	}
	require.Equal(t, described(t), used(expressions), "the dashboard shows every metric, and none that does not exist")
}

func overlap(a, b panel) bool {
	p, q := a.GridPos, b.GridPos
	return p.X < q.X+q.W && q.X < p.X+p.W && p.Y < q.Y+q.H && q.Y < p.Y+p.H
}

func TestTheAlertRulesUseMetricsThatThereAre(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(files, "alerts.yml"))
	require.NoError(t, err)
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr         string
				Labels, Annotations map[string]string
			}
		}
	}
	require.NoError(t, yaml.Unmarshal(raw, &rules))
	var expressions []string
	alerts := make(map[string]bool)
	for _, group := range rules.Groups {
		for _, rule := range group.Rules {
			alerts[rule.Alert] = true
			expressions = append(expressions, rule.Expr)
			require.Contains(t, []string{"warning", "critical"}, rule.Labels["severity"], rule.Alert)
			require.NotEmpty(t, rule.Annotations["summary"], rule.Alert)
			require.NotEmpty(t, rule.Annotations["description"], rule.Alert)
		}
	}
	for _, alert := range []string{"HitRatioLow", "FeedDown", "BreakerOpen", "RecoveryQueueNotDraining", "LoadErrors"} {
		require.True(t, alerts["Aside"+alert], alert)
	}
	exist := described(t)
	names := used(expressions)
	require.NotEmpty(t, names)
	for name := range names {
		require.True(t, exist[name], name)
	}
	tested, err := os.ReadFile(filepath.Join(files, "alerts_test.yml"))
	require.NoError(t, err)
	for alert := range alerts {
		require.True(t, strings.Contains(string(tested), alert), "alerts_test.yml does not try %s", alert)
	}
}
