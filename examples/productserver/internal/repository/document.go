package repository

import (
	"time"

	"github.com/jollyjet/aside/examples/productserver/internal/domain"
)

// document is a product as MongoDB keeps it. Field names are those of the API, so that a sort by an API field needs
// no second table of names; only the price is split differently (see sortKeys).
type document struct {
	ID            string    `bson:"_id"`
	Name          string    `bson:"name"`
	Description   string    `bson:"description"`
	Brand         string    `bson:"brand"`
	Category      string    `bson:"category"`
	PriceAmount   int64     `bson:"priceAmount"`
	PriceCurrency string    `bson:"priceCurrency"`
	Stock         int       `bson:"stock"`
	Images        []string  `bson:"images"`
	Rating        float64   `bson:"rating"`
	IsActive      bool      `bson:"isActive"`
	IsWishlisted  bool      `bson:"isWishlisted"`
	WishlistCount int       `bson:"wishlistCount"`
	CreatedAt     time.Time `bson:"createdAt"`
	UpdatedAt     time.Time `bson:"updatedAt"`
	Version       int64     `bson:"version"`
}

func fromProduct(p domain.Product) document {
	return document{
		ID: p.ID, Name: p.Name, Description: p.Description, Brand: p.Brand, Category: p.Category,
		PriceAmount: p.Price.Amount, PriceCurrency: p.Price.Currency, Stock: p.Stock, Images: p.Images,
		Rating: p.Rating, IsActive: p.IsActive, IsWishlisted: p.IsWishlisted, WishlistCount: p.WishlistCount,
		CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt, Version: p.Version,
	}
}

func (d document) product() domain.Product {
	images := d.Images
	if images == nil {
		images = []string{}
	}
	return domain.Product{
		ID: d.ID, Name: d.Name, Description: d.Description, Brand: d.Brand, Category: d.Category,
		Price: domain.Money{Amount: d.PriceAmount, Currency: d.PriceCurrency}, Stock: d.Stock, Images: images,
		Rating: d.Rating, IsActive: d.IsActive, IsWishlisted: d.IsWishlisted, WishlistCount: d.WishlistCount,
		CreatedAt: d.CreatedAt.UTC(), UpdatedAt: d.UpdatedAt.UTC(), Version: d.Version,
	}
}
