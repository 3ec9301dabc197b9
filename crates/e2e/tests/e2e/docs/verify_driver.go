// usage: verify_driver CASES — one line for each case: ok, or why the snippet refused it.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"

	"receiver/webhook"
)

type request struct {
	Key     string
	Headers map[string]string
	Body    []byte
}

func main() {
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	var cases []request
	if err := json.Unmarshal(text, &cases); err != nil {
		log.Fatal(err)
	}
	for _, c := range cases {
		header := http.Header{}
		for name, value := range c.Headers {
			header.Set(name, value)
		}
		if err := webhook.Verify(c.Key, header, c.Body); err != nil {
			fmt.Printf("refused: %q\n", err)
		} else {
			fmt.Println("ok")
		}
	}
}
