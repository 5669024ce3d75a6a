package codec_test

import (
	"fmt"

	"github.com/jollyjet/aside/codec"
)

func Example() {
	type user struct {
		ID   int64  `json:"id"`
		Name string `json:"name"`
	}
	c := codec.JSON()

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
	fmt.Println(c.Name(), string(data), u.Name)
	// Output: json {"id":7,"name":"Ann"} Ann
}
