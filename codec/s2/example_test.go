package s2_test

import (
	"fmt"
	"strings"

	"github.com/jollyjet/aside/codec"
	"github.com/jollyjet/aside/codec/s2"
)

func Example() {
	c := s2.New(codec.JSON())
	text := strings.Repeat("All work and no play makes Jack a dull boy. ", 100)

	data, err := c.Marshal(text)
	if err != nil {
		fmt.Println(err)
		return
	}
	var got string
	if err := c.Unmarshal(data, &got); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.Name(), len(data) < len(text)/10, got == text)
	// Output: s2(json) true true
}
