#include "sync/merge/register.hpp"

#include <algorithm>
#include <utility>

namespace satchel::sync {

Register written(const Dot& dot, Stamp stamp, Bytes value, const Context& shown) {
  Register state;
  state.context = shown;
  state.context.observe(dot);
  state.siblings.push_back(Sibling{dot, stamp, std::move(value)});
  return state;
}

Register join(const Register& a, const Register& b) {
  // An empty context has no siblings either (invariant 2): the other side stands as it is.
  if (b.context.empty()) return a;
  if (a.context.empty()) return b;
  Register joined;
  auto left = a.siblings.begin();
  auto right = b.siblings.begin();
  while (left != a.siblings.end() || right != b.siblings.end()) {
    if (right == b.siblings.end() || (left != a.siblings.end() && left->dot < right->dot)) {
      if (!b.context.covers(left->dot)) joined.siblings.push_back(*left);
      ++left;
    } else if (left == a.siblings.end() || right->dot < left->dot) {
      if (!a.context.covers(right->dot)) joined.siblings.push_back(*right);
      ++right;
    } else {
      joined.siblings.push_back(right->stamp < left->stamp ? *right : *left);
      ++left;
      ++right;
    }
  }
  joined.context = join(a.context, b.context);
  return joined;
}

bool join_with(Register& into, const Register& other) {
  if (other.context.empty() || into == other) return false;
  if (into.context.empty()) {
    into = other;
    return true;
  }
  Register joined = join(into, other);
  if (joined == into) return false;
  into = std::move(joined);
  return true;
}

}  // namespace satchel::sync
