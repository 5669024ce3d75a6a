package consistency

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jollyjet/aside/internal/pause"
	"github.com/jollyjet/aside/store"
)

// Alert is the news that something is wrong, or no longer.
type Alert struct {
	Rule      string    `json:"rule"`
	Namespace string    `json:"namespace"`
	Subject   string    `json:"subject,omitempty"` // the cache or the node, for rules that watch several
	Raised    bool      `json:"raised"`            // false: it is over
	Value     float64   `json:"value"`             // last seen
	Threshold float64   `json:"threshold"`         // that it is, or is no longer, beyond
	Since     time.Time `json:"since"`             // when it was beyond the threshold first
	At        time.Time `json:"at"`
}

// Alerts watches a store by rules, in the background, until it or the store is closed. All that it judges by is in
// [store.Store.Stats].
type Alerts struct {
	st      *store.Store
	cfg     alertConfig
	history *countsHistory
	close   func()

	mu     sync.Mutex
	states map[subject]*alertState
}

type subject struct {
	rule int
	of   string
}

// alertState is how a subject is.
type alertState struct {
	raised  bool
	since   time.Time // when the alert's cause began; zero if there is none
	turned  time.Time // when the value went over to the other side; zero while it is on the side that raised says
	value   float64
	present bool
}

// AlertOption changes a default of [NewAlerts].
type AlertOption func(*alertConfig)

type alertConfig struct {
	rules  []Rule
	every  time.Duration
	log    *slog.Logger
	notify func(Alert)
}

// Rules replaces [DefaultRules].
func Rules(rules ...Rule) AlertOption {
	mustNotBeNil("Rules", len(rules) == 0)
	for i := range rules {
		rules[i].check(i)
	}
	return func(c *alertConfig) { c.rules = slices.Clone(rules) }
}

// Every is how often the rules are judged. The default is 15 s, the least 10 ms.
func Every(d time.Duration) AlertOption {
	if d < 10*time.Millisecond {
		panic(fmt.Sprintf("consistency: Every(%v): use 10ms or more", d))
	}
	return func(c *alertConfig) { c.every = d }
}

// Logger receives every alert: one that is raised as a warning, one that is over as information. The default is
// slog.Default().
func Logger(l *slog.Logger) AlertOption {
	mustNotBeNil("Logger", l == nil)
	return func(c *alertConfig) { c.log = l }
}

// Notify has receive called with every alert, in the goroutine that judges: what takes long keeps it from judging.
func Notify(receive func(Alert)) AlertOption {
	mustNotBeNil("Notify", receive == nil)
	return func(c *alertConfig) { c.notify = receive }
}

// NewAlerts watches a store. It panics if the store or an option is nil.
func NewAlerts(st *store.Store, options ...AlertOption) *Alerts {
	if st == nil {
		panic("consistency: NewAlerts: the store is nil")
	}
	cfg := alertConfig{rules: DefaultRules(), every: 15 * time.Second, log: slog.Default()}
	for i, option := range options {
		if option == nil {
			panic(fmt.Sprintf("consistency: NewAlerts: option %d is nil; leave it out", i+1))
		}
		option(&cfg)
	}
	a := &Alerts{st: st, cfg: cfg, history: &countsHistory{}, states: make(map[subject]*alertState)}
	for _, r := range cfg.rules {
		a.history.keep = max(a.history.keep, r.Window)
	}
	a.history.add(countsNow(st.Stats()))
	a.close = background(st, "alerts", func() {}, a.watch)
	return a
}

// Close stops watching. Further calls do nothing.
func (a *Alerts) Close() { a.close() }

func (a *Alerts) watch(ctx context.Context) {
	for pause.For(ctx, a.cfg.every) {
		for _, alert := range a.judgeAll() {
			a.deliver(ctx, alert)
		}
	}
}

// judgeAll judges by all rules, and returns what is new.
func (a *Alerts) judgeAll() (news []Alert) {
	stats := a.st.Stats()
	now := countsNow(stats)
	a.history.add(now)
	for i := range a.cfg.rules {
		rule := &a.cfg.rules[i]
		counts, covers := a.history.since(now, rule.Window)
		values := a.values(rule, Facts{Stats: stats, Counts: counts, Covers: covers})
		news = append(news, a.judge(i, now.at, values)...)
	}
	return news
}

// values keeps a rule of the user's that panics from ending the watch: it has no values then.
func (a *Alerts) values(rule *Rule, s Facts) (values map[string]float64) {
	defer func() {
		if value := recover(); value != nil {
			a.st.Recovered("alert rule "+rule.Name, value)
		}
	}()
	return rule.Values(s)
}

// judge brings the states of a rule's subjects up to date.
func (a *Alerts) judge(rule int, now time.Time, values map[string]float64) (news []Alert) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for of, value := range values {
		s := a.states[subject{rule, of}]
		if s == nil {
			s = &alertState{}
			a.states[subject{rule, of}] = s
		}
		s.value, s.present = value, true
	}
	for of, s := range a.states {
		if of.rule != rule {
			continue
		}
		r := &a.cfg.rules[rule]
		if s.step(r, now) {
			news = append(news, a.alert(of, s, now))
		}
		if !s.present && !s.raised {
			delete(a.states, of)
		}
		s.present = false
	}
	slices.SortFunc(news, func(x, y Alert) int { return strings.Compare(x.Subject, y.Subject) })
	return news
}

// step takes a value into account, and reports whether the alert is raised, or over, by that.
func (s *alertState) step(r *Rule, now time.Time) bool {
	wrong, wait := s.present && r.beyond(s.value, r.Raise), r.For
	if s.raised {
		wrong, wait = s.present && r.beyond(s.value, r.Clear), r.Settle
	}
	if wrong == s.raised {
		s.turned = time.Time{}
		return false
	}
	if s.turned.IsZero() {
		s.turned = now
	}
	if now.Sub(s.turned) < wait {
		return false
	}
	if s.raised = wrong; wrong {
		s.since = s.turned
	}
	s.turned = time.Time{}
	return true
}

func (a *Alerts) alert(of subject, s *alertState, now time.Time) Alert {
	r := &a.cfg.rules[of.rule]
	threshold := r.Raise
	if !s.raised {
		threshold = r.Clear
	}
	return Alert{
		Rule: r.Name, Namespace: a.st.Namespace(), Subject: of.of, Raised: s.raised, Value: s.value,
		Threshold: threshold, Since: s.since, At: now,
	}
}

// deliver tells of an alert.
func (a *Alerts) deliver(ctx context.Context, alert Alert) {
	level, message := slog.LevelInfo, "aside: alert is over: "
	if alert.Raised {
		level, message = slog.LevelWarn, "aside: alert: "
	}
	a.cfg.log.Log(ctx, level, message+alert.Rule, "namespace", alert.Namespace, "subject", alert.Subject,
		"value", alert.Value, "threshold", alert.Threshold, "since", alert.Since)
	defer func() {
		if value := recover(); value != nil {
			a.st.Recovered("receiver of alerts", value)
		}
	}()
	if a.cfg.notify != nil {
		a.cfg.notify(alert)
	}
}

// Active returns the alerts that are raised now, in the order of the rules and subjects.
func (a *Alerts) Active() []Alert {
	a.mu.Lock()
	defer a.mu.Unlock()
	var active []Alert
	for i := range a.cfg.rules {
		first := len(active)
		for of, s := range a.states {
			if of.rule == i && s.raised {
				active = append(active, a.alert(of, s, time.Now()))
			}
		}
		slices.SortFunc(active[first:], func(x, y Alert) int { return strings.Compare(x.Subject, y.Subject) })
	}
	return active
}
