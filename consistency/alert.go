package consistency

import (
	"time"
)

// Alert reports that something is wrong, or no longer wrong.
type Alert struct {
	Rule      string    `json:"rule"`
	Namespace string    `json:"namespace"`
	Subject   string    `json:"subject,omitempty"` // the cache or the master, if the rule watches several
	Raised    bool      `json:"raised"`            // false: the alert is over
	Value     float64   `json:"value"`             // the latest
	Threshold float64   `json:"threshold"`         // the rule's Raise if raised, else its Clear
	Since     time.Time `json:"since"`             // when the value first crossed the rule's Raise
	At        time.Time `json:"at"`
}

// alertState is the state of a rule's alert for one subject.
type alertState struct {
	raised  bool
	since   time.Time // when the cause of the alert began; zero if it was never raised
	crossed time.Time // when the value began to contradict raised; zero while it agrees
	value   float64   // the latest
	present bool      // the rule returned a value this time
}

// step applies the latest value. It reports whether the alert is raised, or over, because of it.
func (s *alertState) step(r *Rule, now time.Time) (changed bool) {
	wrong, wait := s.present && r.beyond(s.value, r.Raise), r.For
	if s.raised {
		wrong, wait = s.present && r.beyond(s.value, r.Clear), r.Settle
	}
	if wrong == s.raised {
		s.crossed = time.Time{}
		return false
	}
	if s.crossed.IsZero() {
		s.crossed = now
	}
	if now.Sub(s.crossed) < wait {
		return false
	}
	if s.raised = wrong; wrong {
		s.since = s.crossed
	}
	s.crossed = time.Time{}
	return true
}

// alert returns the alert in this state.
func (s *alertState) alert(r *Rule, namespace, subject string, now time.Time) Alert {
	threshold := r.Raise
	if !s.raised {
		threshold = r.Clear
	}
	return Alert{
		Rule: r.Name, Namespace: namespace, Subject: subject, Raised: s.raised, Value: s.value, Threshold: threshold,
		Since: s.since, At: now,
	}
}
