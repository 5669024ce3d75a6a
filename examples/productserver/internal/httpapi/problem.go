package httpapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/jollyjet/aside/examples/productserver/internal/domain"
)

// statusClientClosed is nginx's number for a client that did not wait; nobody but the log sees it.
const statusClientClosed = 499

// problem is an error as RFC 9457 has it. The type is about:blank, by which the title is the status's own text.
type problem struct {
	Type   string              `json:"type"`
	Title  string              `json:"title"`
	Status int                 `json:"status"`
	Detail string              `json:"detail,omitempty"`
	Errors []domain.FieldError `json:"errors,omitempty"`
}

// fail answers an error. What the server is to blame for goes into the log in full and out without detail.
func (a api) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := describe(r.Context(), err)
	if p.Status >= http.StatusInternalServerError {
		a.Log.ErrorContext(r.Context(), "request failed", "method", r.Method, "path", r.URL.Path, "status", p.Status, "err", err)
	}
	a.sendProblem(w, r, p)
}

func (a api) sendProblem(w http.ResponseWriter, r *http.Request, p problem) {
	p.Type, p.Title = "about:blank", http.StatusText(p.Status)
	if p.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	a.sendJSON(w, r, p.Status, "application/problem+json", p)
}

func describe(ctx context.Context, err error) problem {
	if invalid, ok := errors.AsType[*domain.ValidationError](err); ok {
		return problem{Status: http.StatusBadRequest, Detail: "Some of the input is not valid.", Errors: invalid.Fields}
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return problem{Status: http.StatusRequestEntityTooLarge, Detail: "The body must have at most 65536 bytes."}
	}
	switch {
	case errors.Is(err, domain.ErrNotFound):
		return problem{Status: http.StatusNotFound, Detail: "There is no product with this id."}
	case errors.Is(err, domain.ErrDuplicate):
		return problem{Status: http.StatusConflict, Detail: "There is a product with this name, or with the id made from it."}
	case errors.Is(err, domain.ErrConflict):
		return problem{Status: http.StatusConflict, Detail: "The product has changed since the version you gave; read it again."}
	case errors.Is(err, errMediaType):
		return problem{Status: http.StatusUnsupportedMediaType, Detail: "Send the body as application/json."}
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return problem{Status: statusClientClosed}
	case errors.Is(err, domain.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		return problem{Status: http.StatusServiceUnavailable, Detail: "The database can't be reached at the moment."}
	default:
		return problem{Status: http.StatusInternalServerError}
	}
}
