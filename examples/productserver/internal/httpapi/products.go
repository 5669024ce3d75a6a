package httpapi

import (
	"net/http"
	"net/url"

	"github.com/jollyjet/aside/examples/productserver/internal/domain"
)

func (a api) get(r *http.Request) (reply, error) {
	id, err := pathID(r)
	if err != nil {
		return reply{}, err
	}
	p, err := a.UseCases.Get(r.Context(), id)
	return reply{status: http.StatusOK, body: p}, err
}

func (a api) list(r *http.Request) (reply, error) {
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return reply{}, err
	}
	page, err := a.UseCases.List(r.Context(), q)
	return reply{status: http.StatusOK, body: page}, err
}

func (a api) create(r *http.Request) (reply, error) {
	in, err := decodeNew(r)
	if err != nil {
		return reply{}, err
	}
	p, err := a.UseCases.Create(r.Context(), in)
	return reply{status: http.StatusCreated, location: "/products/" + url.PathEscape(p.ID), body: p}, err
}

func (a api) update(r *http.Request) (reply, error) {
	id, err := pathID(r)
	if err != nil {
		return reply{}, err
	}
	in, err := decodeUpdate(r, id)
	if err != nil {
		return reply{}, err
	}
	p, err := a.UseCases.Update(r.Context(), in)
	return reply{status: http.StatusOK, body: p}, err
}

func (a api) delete(r *http.Request) (reply, error) {
	id, err := pathID(r)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, a.UseCases.Delete(r.Context(), id)
}

func (a api) toggle(r *http.Request) (reply, error) {
	id, err := pathID(r)
	if err != nil {
		return reply{}, err
	}
	p, err := a.UseCases.ToggleWishlist(r.Context(), id)
	return reply{status: http.StatusOK, body: p}, err
}

// pathID says of an id that can't exist what it would say of one that doesn't.
func pathID(r *http.Request) (string, error) {
	id := r.PathValue("id")
	if !domain.ValidID(id) {
		return "", domain.ErrNotFound
	}
	return id, nil
}
