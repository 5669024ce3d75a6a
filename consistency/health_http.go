package consistency

import (
	"encoding/json"
	"net/http"
)

// Ready returns a handler for readiness probes. It answers GET and HEAD with a [HealthReport] as JSON. The status code
// is 200 if the node can serve, perhaps degraded, and 503 if not; see [Require]. An answer never takes longer than
// [AnswerWithin].
func (h *Health) Ready() http.Handler {
	return handler(func(r *http.Request) (any, bool) {
		report := h.Check(r.Context())
		return report, report.Ready
	})
}

// Live returns a handler for liveness probes. It answers 200 whenever the process can answer at all. It does not check
// Redis, because a restart of the process would not bring Redis back.
func (h *Health) Live() http.Handler {
	return handler(func(*http.Request) (any, bool) {
		return map[string]string{"status": string(OK), "namespace": h.st.Namespace()}, true
	})
}

func handler(check func(*http.Request) (report any, healthy bool)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
			return
		}
		report, healthy := check(r)
		body, err := json.Marshal(report)
		if err != nil { // unreachable: all reports can be encoded
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		if !healthy {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		if r.Method == http.MethodGet {
			_, _ = w.Write(append(body, '\n')) // an error means that the client is gone
		}
	})
}
