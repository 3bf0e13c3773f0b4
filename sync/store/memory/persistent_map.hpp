// An ordered map whose copies are free and stay as they were: the versions of a memory store.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

namespace satchel::sync {

// A treap with path copying. Copying the map copies one pointer; an edit copies the path to the
// root, but only once per edit token: nodes made under the same token are changed in place.
// Priorities are hashes of the keys, so that the shape depends on the content alone and a
// simulation runs alike each time. Thread-compatible; copies may be read by other threads as long
// as their tokens are never used again. `Hash` yields 64 well-mixed bits. Invariants: (1) in-order
// keys rise; (2) no child's priority exceeds its parent's.
template <class Key, class Value, class Hash>
class PersistentMap {
 public:
  [[nodiscard]] std::uint64_t size() const { return size_; }

  // Null where there is none; lives as long as this version of the map.
  [[nodiscard]] const Value* find(const Key& key) const {
    const Node* node = root_.get();
    while (node != nullptr) {
      if (key < node->key) {
        node = node->left.get();
      } else if (node->key < key) {
        node = node->right.get();
      } else {
        return &node->value;
      }
    }
    return nullptr;
  }

  void put(const Key& key, Value value, std::uint64_t token) {
    put_at(root_, key, std::move(value), token);
  }
  void erase(const Key& key, std::uint64_t token) {
    if (find(key) == nullptr) return;
    erase_at(root_, key, token);
    --size_;
  }

  // In order from `from` on until `visit(key, value)` says false.
  template <class Visit>
  void scan(const Key& from, const Visit& visit) const {
    scan_at(root_.get(), from, visit);
  }

 private:
  struct Node;
  using Link = std::shared_ptr<Node>;
  struct Node {
    Key key;
    Value value;
    std::uint64_t priority;
    std::uint64_t token;
    Link left;
    Link right;
  };

  static void own(Link& link, std::uint64_t token) {
    if (link->token == token) return;
    link = std::make_shared<Node>(*link);
    link->token = token;
  }
  static void rotate_right(Link& link) {  // Both nodes are owned.
    Link left = std::move(link->left);
    link->left = std::move(left->right);
    left->right = std::move(link);
    link = std::move(left);
  }
  static void rotate_left(Link& link) {
    Link right = std::move(link->right);
    link->right = std::move(right->left);
    right->left = std::move(link);
    link = std::move(right);
  }

  void put_at(Link& link, const Key& key, Value&& value, std::uint64_t token) {
    if (link == nullptr) {
      link = std::make_shared<Node>(Node{key, std::move(value), Hash{}(key), token, {}, {}});
      ++size_;
      return;
    }
    own(link, token);
    if (key < link->key) {
      put_at(link->left, key, std::move(value), token);
      if (link->left->priority > link->priority) rotate_right(link);
    } else if (link->key < key) {
      put_at(link->right, key, std::move(value), token);
      if (link->right->priority > link->priority) rotate_left(link);
    } else {
      link->value = std::move(value);
    }
  }

  static void erase_at(Link& link, const Key& key, std::uint64_t token) {
    if (key < link->key || link->key < key) {
      own(link, token);
      erase_at(key < link->key ? link->left : link->right, key, token);
      return;
    }
    link = meld(link->left, link->right, token);
  }
  static Link meld(Link left, Link right, std::uint64_t token) {
    if (left == nullptr) return right;
    if (right == nullptr) return left;
    if (left->priority > right->priority) {
      own(left, token);
      left->right = meld(left->right, std::move(right), token);
      return left;
    }
    own(right, token);
    right->left = meld(std::move(left), right->left, token);
    return right;
  }

  template <class Visit>
  static bool scan_at(const Node* node, const Key& from, const Visit& visit) {
    if (node == nullptr) return true;
    const bool below = node->key < from;
    if (!below) {
      if (!scan_at(node->left.get(), from, visit)) return false;
      if (!visit(node->key, node->value)) return false;
    }
    return scan_at(node->right.get(), from, visit);
  }

  Link root_;
  std::uint64_t size_ = 0;
};

// 64 well-mixed bits of a number (SplitMix64) and of bytes (FNV-1a, mixed).
struct MixedHash {
  static std::uint64_t mix(std::uint64_t x) {
    x += 0x9E3779B97F4A7C15ULL;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
    return x ^ (x >> 31);
  }
  std::uint64_t operator()(std::uint64_t number) const { return mix(number); }
  template <class Octets>
  std::uint64_t operator()(const Octets& bytes) const {
    std::uint64_t hash = 0xCBF29CE484222325ULL;
    for (const auto octet : bytes) {
      hash = (hash ^ static_cast<unsigned char>(octet)) * 0x100000001B3ULL;
    }
    return mix(hash);
  }
};

}  // namespace satchel::sync
