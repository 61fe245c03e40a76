// SPDX-License-Identifier: Apache-2.0
// Many artifacts at once.

package verify

import (
	"context"
	"runtime"
	"sync"
)

// Item is an artifact's file with its bundle's.
type Item struct{ Artifact, Bundle string }

// Result is what became of an Item: claims, or the error.
type Result struct {
	Item
	Claims *Claims
	Err    error
}

// VerifyAll judges many files on n goroutines at once, one for each processor where n is 0, and
// gives the results in the items' order. The CA certificates that the verifier remembers serve all
// of them. What is not judged when ctx ends has the context's error.
func (v *Verifier) VerifyAll(ctx context.Context, items []Item, n int) []Result {
	results := make([]Result, len(items))
	if n <= 0 {
		n = runtime.GOMAXPROCS(0)
	}
	next := make(chan int)
	var wg sync.WaitGroup
	for i := 0; i < min(n, len(items)); i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range next {
				results[i] = v.verifyItem(ctx, items[i])
			}
		}()
	}
	for i := range items {
		next <- i
	}
	close(next)
	wg.Wait()
	return results
}

func (v *Verifier) verifyItem(ctx context.Context, item Item) Result {
	result := Result{Item: item}
	if result.Err = ctx.Err(); result.Err != nil {
		return result
	}
	bundle, err := OpenBundle(item.Bundle)
	if err != nil {
		result.Err = err
		return result
	}
	defer bundle.Close()
	result.Claims, result.Err = v.VerifyFile(ctx, bundle, item.Artifact)
	return result
}
