// Package orderedmap has the map that `pulumi api` names; it holds nothing.
package orderedmap

import "iter"

// Map holds nothing.
type Map[K comparable, V any] struct{}

// New returns a map.
func New[K comparable, V any]() *Map[K, V] { return &Map[K, V]{} }

// Len returns a map's length.
func Len[K comparable, V any](*Map[K, V]) int { return 0 }

func (*Map[K, V]) Set(K, V) (value V, there bool) { return value, false }
func (*Map[K, V]) Get(K) (value V, there bool)    { return value, false }
func (*Map[K, V]) Delete(K) (value V, there bool) { return value, false }
func (*Map[K, V]) GetOrZero(K) (value V)          { return value }
func (*Map[K, V]) FromOldest() iter.Seq2[K, V]    { return func(func(K, V) bool) {} }
func (*Map[K, V]) KeysFromOldest() iter.Seq[K]    { return func(func(K) bool) {} }
