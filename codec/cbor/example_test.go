package cbor_test

import (
	"fmt"

	"github.com/jollyjet/aside/codec/cbor"
)

func Example() {
	type user struct {
		ID   int64  `json:"id"`
		Name string `json:"name"`
	}
	c := cbor.New()

	data, err := c.Marshal(user{ID: 7, Name: "Ann"})
	if err != nil {
		fmt.Println(err)
		return
	}
	var u user
	if err := c.Unmarshal(data, &u); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.Name(), len(data), "bytes,", u.Name)
	// Output: cbor 14 bytes, Ann
}
