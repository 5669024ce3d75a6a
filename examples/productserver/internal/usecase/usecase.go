// Package usecase says what the shop can do with products. Each use case is a function value, and none of them knows
// of a cache: what a decorator takes and gives back has the same type, so package cached can put one around any field.
package usecase

import (
	"context"
	"time"

	"github.com/jollyjet/aside/examples/productserver/internal/domain"
)

// UseCases are the program's abilities, decorated or not.
type UseCases struct {
	Get            func(context.Context, string) (domain.Product, error)
	List           func(context.Context, domain.Query) (domain.Page, error)
	Create         func(context.Context, domain.NewProduct) (domain.Product, error)
	Update         func(context.Context, domain.UpdateProduct) (domain.Product, error)
	Delete         func(context.Context, string) error
	ToggleWishlist func(context.Context, string) (domain.Product, error)
}

// Repository keeps products. Its errors are those of package domain.
type Repository interface {
	Find(ctx context.Context, id string) (domain.Product, error)
	List(ctx context.Context, q domain.Query) ([]domain.Product, int64, error)
	Insert(ctx context.Context, p domain.Product) error
	Update(ctx context.Context, u domain.UpdateProduct, at time.Time) (domain.Product, error)
	Delete(ctx context.Context, id string) error
	ToggleWishlist(ctx context.Context, id string, at time.Time) (domain.Product, error)
}

// New binds the use cases to a repository; now is the clock.
func New(repo Repository, now func() time.Time) UseCases {
	s := service{repo: repo, now: now}
	return UseCases{
		Get:    repo.Find,
		List:   s.list,
		Create: s.create,
		Update: s.update,
		Delete: repo.Delete,
		ToggleWishlist: func(ctx context.Context, id string) (domain.Product, error) {
			return repo.ToggleWishlist(ctx, id, s.instant())
		},
	}
}

type service struct {
	repo Repository
	now  func() time.Time
}

// instant has no more precision than the database keeps, so that the answer to a write equals the next read.
func (s service) instant() time.Time { return s.now().UTC().Truncate(time.Millisecond) }

func (s service) list(ctx context.Context, q domain.Query) (domain.Page, error) {
	if err := q.Validate(); err != nil {
		return domain.Page{}, err
	}
	items, total, err := s.repo.List(ctx, q)
	if err != nil {
		return domain.Page{}, err
	}
	return domain.NewPage(q, items, total), nil
}

func (s service) create(ctx context.Context, in domain.NewProduct) (domain.Product, error) {
	if err := in.Validate(); err != nil {
		return domain.Product{}, err
	}
	p := Build(in, s.instant())
	if err := s.repo.Insert(ctx, p); err != nil {
		return domain.Product{}, err
	}
	return p, nil
}

func (s service) update(ctx context.Context, in domain.UpdateProduct) (domain.Product, error) {
	if err := in.Validate(); err != nil {
		return domain.Product{}, err
	}
	return s.repo.Update(ctx, in, s.instant())
}

// Build is the product that a valid input becomes at the given time.
func Build(in domain.NewProduct, at time.Time) domain.Product {
	images := in.Images
	if images == nil {
		images = []string{}
	}
	return domain.Product{
		ID: in.ID(), Name: in.Name, Description: in.Description, Brand: in.Brand, Category: in.Category,
		Price: in.Price, Stock: in.Stock, Images: images, Rating: in.Rating, IsActive: in.IsActive,
		CreatedAt: at, UpdatedAt: at, Version: 1,
	}
}
