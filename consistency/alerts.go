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

// Alerts evaluates rules over [store.Store.Stats] in the background, until it or the store is closed. It is safe for
// concurrent use.
type Alerts struct {
	st      *store.Store
	cfg     alertConfig
	history *countsHistory
	close   func()

	mu     sync.Mutex
	states map[alertKey]*alertState // guarded by mu
}

type alertKey struct {
	rule    int // in the order of the rules
	subject string
}

// AlertOption is an option of [NewAlerts].
type AlertOption func(*alertConfig)

type alertConfig struct {
	rules  []Rule
	every  time.Duration
	log    *slog.Logger
	notify func(Alert)
}

// Rules replaces [DefaultRules].
func Rules(rules ...Rule) AlertOption {
	if len(rules) == 0 {
		panic("consistency: Rules: no rules are given; leave the option out")
	}
	for i := range rules {
		rules[i].check(i)
	}
	return func(c *alertConfig) { c.rules = slices.Clone(rules) }
}

// Every sets how often the rules are evaluated. The default is 15 s, the minimum 10 ms.
func Every(d time.Duration) AlertOption {
	options.AtLeast("Every", d, 10*time.Millisecond)
	return func(c *alertConfig) { c.every = d }
}

// Logger sets the logger for alerts: an alert that is raised is a warning, one that is over is information. The default
// is slog.Default().
func Logger(l *slog.Logger) AlertOption {
	options.NotNil("Logger", l == nil)
	return func(c *alertConfig) { c.log = l }
}

// Notify calls receive with every alert, in the goroutine that evaluates the rules: while receive runs, no rule is
// evaluated.
func Notify(receive func(Alert)) AlertOption {
	options.NotNil("Notify", receive == nil)
	return func(c *alertConfig) { c.notify = receive }
}

// NewAlerts starts to evaluate rules over the store's statistics. It panics if the store or an option is nil.
func NewAlerts(st *store.Store, opts ...AlertOption) *Alerts {
	if st == nil {
		panic("consistency: NewAlerts: the store is nil")
	}
	cfg := alertConfig{rules: DefaultRules(), every: 15 * time.Second, log: slog.Default()}
	for i, option := range opts {
		if option == nil {
			panic(fmt.Sprintf("consistency: NewAlerts: option %d is nil; leave it out", i+1))
		}
		option(&cfg)
	}
	a := &Alerts{st: st, cfg: cfg, history: &countsHistory{}, states: make(map[alertKey]*alertState)}
	for _, r := range cfg.rules {
		a.history.keep = max(a.history.keep, r.Window)
	}
	a.history.add(countsNow(st.Stats()))
	a.close = background(st, "alerts", func() {}, a.run)
	return a
}

// Close stops the evaluation and waits for its end. It may be called more than once.
func (a *Alerts) Close() { a.close() }

func (a *Alerts) run(ctx context.Context) {
	for pause.For(ctx, a.cfg.every) {
		for _, alert := range a.evaluateAll() {
			a.publish(ctx, alert)
		}
	}
}

// evaluateAll evaluates all rules, and returns the alerts that changed.
func (a *Alerts) evaluateAll() (changed []Alert) {
	stats := a.st.Stats()
	now := countsNow(stats)
	a.history.add(now)
	for i := range a.cfg.rules {
		rule := &a.cfg.rules[i]
		counts, covers := a.history.since(now, rule.Window)
		values := a.values(rule, Facts{Stats: stats, Counts: counts, Covers: covers})
		changed = append(changed, a.evaluate(i, now.at, values)...)
	}
	return changed
}

// values returns no values if a user's rule panics, so that the other rules are still evaluated.
func (a *Alerts) values(rule *Rule, s Facts) (values map[string]float64) {
	defer func() {
		if value := recover(); value != nil {
			a.st.Engine().Life.Recovered("alert rule "+rule.Name, value)
		}
	}()
	return rule.Values(s)
}

// evaluate updates the states of a rule, and returns the alerts that changed.
func (a *Alerts) evaluate(rule int, now time.Time, values map[string]float64) (changed []Alert) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for subject, value := range values {
		s := a.states[alertKey{rule, subject}]
		if s == nil {
			s = &alertState{}
			a.states[alertKey{rule, subject}] = s
		}
		s.value, s.present = value, true
	}
	for key, s := range a.states {
		if key.rule != rule {
			continue
		}
		r := &a.cfg.rules[rule]
		if s.step(r, now) {
			changed = append(changed, s.alert(r, a.st.Namespace(), key.subject, now))
		}
		if !s.present && !s.raised {
			delete(a.states, key)
		}
		s.present = false
	}
	slices.SortFunc(changed, bySubject)
	return changed
}

func bySubject(x, y Alert) int { return strings.Compare(x.Subject, y.Subject) }

// publish logs an alert and calls the receiver of Notify.
func (a *Alerts) publish(ctx context.Context, alert Alert) {
	level, message := slog.LevelInfo, "aside: alert is over: "
	if alert.Raised {
		level, message = slog.LevelWarn, "aside: alert: "
	}
	a.cfg.log.Log(ctx, level, message+alert.Rule, "namespace", alert.Namespace, "subject", alert.Subject,
		"value", alert.Value, "threshold", alert.Threshold, "since", alert.Since)
	defer func() {
		if value := recover(); value != nil {
			a.st.Engine().Life.Recovered("receiver of alerts", value)
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
		for key, s := range a.states {
			if key.rule == i && s.raised {
				active = append(active, s.alert(&a.cfg.rules[i], a.st.Namespace(), key.subject, time.Now()))
			}
		}
		slices.SortFunc(active[first:], bySubject)
	}
	return active
}
