#include "sync/store/lmdb/data_file.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <set>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

// The layout of LMDB 0.9 data files on 64-bit little-endian machines (data version 1):
//
//   page       0 number u64 | 8 pad u16 | 10 flags u16 | 12 lower u16 | 14 upper u16
//              16 node offsets
//              overflow pages have their count as u32 at 12, and the value from 16 on
//   node       0 low u16 | 2 high u16 | 4 flags u16 | 6 key size u16 | 8 key | value
//              leaf: value size = low | high << 16; branch: child = that | flags << 32
//   tree       0 pad u32 | 4 flags u16 | 6 depth u16 | 8 branch, leaf, overflow pages
//              32 entries | 40 root
//   meta page  16 magic u32 | 20 version u32 | 24 address | 32 map size | 40 free tree
//              88 main tree | 136 last page | 144 transaction

namespace satchel::sync {
namespace {

constexpr std::size_t kPageHead = 16;
constexpr std::size_t kNodeHead = 8;
constexpr std::size_t kTreeBytes = 48;
constexpr std::uint16_t kBranch = 1;
constexpr std::uint16_t kLeaf = 2;
constexpr std::uint16_t kOverflow = 4;
constexpr std::uint16_t kMeta = 8;
constexpr std::uint16_t kBigValue = 1;
constexpr std::uint16_t kSubTree = 2;
constexpr std::uint16_t kIntegerKeys = 8;
constexpr std::uint16_t kDepthMax = 31;
constexpr std::uint64_t kNoPage = ~std::uint64_t{0};

template <class Number>
Number number_at(const char* at) {
  Number number;
  std::memcpy(&number, at, sizeof(number));
  return number;
}

Error corrupt(std::uint64_t page, const char* what) {
  return Error{Errc::kStoreCorrupt, std::string{what} + ", page " + std::to_string(page)};
}

struct Tree {
  explicit Tree(const char* at)
      : pad{number_at<std::uint32_t>(at)},
        flags{number_at<std::uint16_t>(at + 4)},
        depth{number_at<std::uint16_t>(at + 6)},
        entries{number_at<std::uint64_t>(at + 32)},
        root{number_at<std::uint64_t>(at + 40)} {}
  std::uint32_t pad;
  std::uint16_t flags;
  std::uint16_t depth;
  std::uint64_t entries;
  std::uint64_t root;
};

struct Meta {
  explicit Meta(const char* page)
      : free_tree{page + 40},
        main_tree{page + 88},
        last_page{number_at<std::uint64_t>(page + 136)},
        transaction{number_at<std::uint64_t>(page + 144)} {}
  Tree free_tree;
  Tree main_tree;
  std::uint64_t last_page;
  std::uint64_t transaction;
};

struct Node {
  std::uint64_t child = 0;  // Of a branch.
  std::uint16_t flags = 0;  // Of a leaf.
  ByteView key;
  const char* value = nullptr;
  std::size_t size = 0;  // Of the whole value, wherever it lies.
};

// Where the keys of a page may lie: from `from` on, and below `to` where there is one.
struct Bounds {
  ByteView from;
  std::optional<ByteView> to;
};

// The file in memory. Thread-compatible.
class Mapping {
 public:
  static Result<Mapping> open(const std::string& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
      if (errno == ENOENT) return Error{Errc::kStoreMissing, "no data file"};
      const bool too_many = errno == EMFILE || errno == ENFILE;
      return Error{too_many ? Errc::kLimitExceeded : Errc::kFileRead,
                   std::string{"data file: "} + std::strerror(errno)};
    }
    struct stat info {};
    const bool known = fstat(descriptor, &info) == 0 && S_ISREG(info.st_mode);
    Mapping mapping;
    mapping.size_ = known ? static_cast<std::size_t>(info.st_size) : 0;
    void* at = MAP_FAILED;
    if (mapping.size_ > 0) {
      at = mmap(nullptr, mapping.size_, PROT_READ, MAP_SHARED, descriptor, 0);
    }
    ::close(descriptor);
    if (!known) return Error{Errc::kFileRead, "data file"};
    if (mapping.size_ == 0) return Error{Errc::kStoreMissing, "the data file is empty"};
    if (at == MAP_FAILED) return Error{Errc::kFileRead, "mapping the data file"};
    mapping.at_ = static_cast<const char*>(at);
    return mapping;
  }
  Mapping(Mapping&& other) noexcept : at_{other.at_}, size_{other.size_} { other.at_ = nullptr; }
  Mapping& operator=(Mapping&&) = delete;
  ~Mapping() {
    if (at_ != nullptr) munmap(const_cast<char*>(at_), size_);
  }
  [[nodiscard]] const char* at() const { return at_; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  Mapping() = default;
  const char* at_ = nullptr;
  std::size_t size_ = 0;
};

// One walk over one file. Thread-bound.
class Walk {
 public:
  Walk(const Mapping& file, ByteView row) : file_{file}, row_{row} {}

  Result<DataFile> run() {
    SATCHEL_TRY(read_metas());
    const Meta& meta = *newest_;
    if (meta.free_tree.flags != kIntegerKeys || meta.main_tree.flags != 0) {
      return corrupt(0, "flags of the trees");
    }
    used_.assign(page_count_, false);
    used_[0] = used_[1] = true;
    kind_ = Kind::kMain;
    SATCHEL_TRY(walk_tree(meta.main_tree));
    kind_ = Kind::kFree;
    SATCHEL_TRY(walk_tree(meta.free_tree));
    SATCHEL_TRY(check_free_pages());
    return DataFile{meta.transaction, page_count_, std::move(named_row_), meta.main_tree.entries};
  }

 private:
  enum class Kind : std::uint8_t { kMain, kNamed, kFree };

  [[nodiscard]] const char* page_at(std::uint64_t page) const {
    return file_.at() + page * page_size_;
  }

  Status read_metas() {
    if (file_.size() < 2 * 4096) return corrupt(0, "shorter than two meta pages");
    page_size_ = number_at<std::uint32_t>(file_.at() + 40);
    if (page_size_ < 512 || page_size_ > 32768 || (page_size_ & (page_size_ - 1)) != 0 ||
        file_.size() < 2 * page_size_) {
      return corrupt(0, "page size");
    }
    page_count_ = file_.size() / page_size_;
    for (std::uint64_t page = 0; page < 2; ++page) {
      const char* at = page_at(page);
      if (number_at<std::uint64_t>(at) != page || number_at<std::uint16_t>(at + 10) != kMeta ||
          number_at<std::uint32_t>(at + 16) != 0xBEEFC0DE ||
          number_at<std::uint32_t>(at + 20) != 1 || number_at<std::uint64_t>(at + 24) != 0 ||
          number_at<std::uint32_t>(at + 40) != page_size_) {
        return corrupt(page, "meta page");
      }
    }
    const Meta first{page_at(0)};
    const Meta second{page_at(1)};
    // Commit n lies in meta page n % 2: anything else was not written by a commit.
    const bool fresh = first.transaction == 0 && second.transaction == 0;
    const std::uint64_t even = first.transaction;
    const std::uint64_t odd = second.transaction;
    const bool in_order = (even & 1) == 0 && (odd & 1) == 1 && (odd == even + 1 || even == odd + 1);
    if (!fresh && !in_order) return corrupt(0, "order of the meta pages");
    newest_ = even > odd || fresh ? first : second;
    return {};
  }

  Status use_page(std::uint64_t page) {
    if (page > newest_->last_page || page >= page_count_) {
      return corrupt(page, "a page past the end; the file may be cut");
    }
    if (used_[page]) return corrupt(page, "a page used twice");
    used_[page] = true;
    return {};
  }

  Status walk_tree(const Tree& tree) {
    if (tree.root == kNoPage) {
      if (tree.entries != 0 || tree.depth != 0) return corrupt(tree.root, "an empty tree");
      return {};
    }
    if (tree.depth == 0 || tree.depth > kDepthMax) return corrupt(tree.root, "depth of a tree");
    depth_ = tree.depth;
    entries_ = 0;
    SATCHEL_TRY(walk_page(tree.root, 1, Bounds{}));
    if (entries_ != tree.entries) return corrupt(tree.root, "entry count of a tree");
    return {};
  }

  [[nodiscard]] bool before(ByteView a, ByteView b) const {
    if (kind_ != Kind::kFree) return a < b;
    return number_at<std::uint64_t>(a.data()) < number_at<std::uint64_t>(b.data());
  }

  // Reads node `index` of a page whose offsets were counted; false where it leaves the page.
  bool read_node(const char* at, std::size_t index, bool leaf, Node& node, std::size_t& space) {
    const auto offset = number_at<std::uint16_t>(at + kPageHead + 2 * index);
    const auto upper = number_at<std::uint16_t>(at + 14);
    if (offset < upper || (offset & 1) != 0 || offset + kNodeHead > page_size_) return false;
    const char* head = at + offset;
    const auto low = number_at<std::uint16_t>(head);
    const auto high = number_at<std::uint16_t>(head + 2);
    const auto flags = number_at<std::uint16_t>(head + 4);
    const auto key_size = number_at<std::uint16_t>(head + 6);
    const std::size_t size = low | static_cast<std::size_t>(high) << 16;
    const bool big = leaf && (flags & kBigValue) != 0;
    std::size_t needed = kNodeHead + key_size;
    if (leaf) needed += big ? sizeof(std::uint64_t) : size;
    if (offset + needed > page_size_) return false;
    node.key = ByteView{head + kNodeHead, key_size};
    node.value = head + kNodeHead + key_size;
    node.size = size;
    node.flags = leaf ? flags : std::uint16_t{0};
    node.child = size | static_cast<std::uint64_t>(flags) << 32;
    space += needed + (needed & 1);
    return true;
  }

  // The nodes of a page, its shape and the order of its keys checked.
  Status read_page(std::uint64_t page, bool leaf, const Bounds& bounds, std::vector<Node>& nodes) {
    const char* at = page_at(page);
    if (number_at<std::uint64_t>(at) != page ||
        number_at<std::uint16_t>(at + 10) != (leaf ? kLeaf : kBranch)) {
      return corrupt(page, "head of a page");
    }
    const std::size_t lower = number_at<std::uint16_t>(at + 12);
    const std::size_t upper = number_at<std::uint16_t>(at + 14);
    if (lower <= kPageHead || (lower & 1) != 0 || lower > upper || upper > page_size_) {
      return corrupt(page, "bounds of a page");
    }
    const std::size_t count = (lower - kPageHead) / 2;
    if (!leaf && count < 2 && kind_ != Kind::kFree) return corrupt(page, "a branch of one");
    nodes.resize(count);
    std::size_t space = 0;
    const ByteView* last = nullptr;
    for (std::size_t i = 0; i < count; ++i) {
      if (!read_node(at, i, leaf, nodes[i], space)) return corrupt(page, "a node past its page");
      if (!leaf && i == 0) continue;  // The first key of a branch is never looked at.
      const ByteView key = nodes[i].key;
      if (kind_ == Kind::kFree ? key.size() != 8 : key.empty() || key.size() > 511) {
        return corrupt(page, "size of a key");
      }
      if ((last != nullptr && !before(*last, key)) ||
          (!bounds.from.empty() && before(key, bounds.from)) ||
          (bounds.to && !before(key, *bounds.to))) {
        return corrupt(page, "order of keys");
      }
      last = &nodes[i].key;
    }
    if (upper + space != page_size_) return corrupt(page, "space of a page");
    return {};
  }

  Status walk_page(std::uint64_t page, std::uint16_t level, const Bounds& bounds) {
    SATCHEL_TRY(use_page(page));
    const bool leaf = level == depth_;
    std::vector<Node>& nodes = nodes_[level - 1U];
    SATCHEL_TRY(read_page(page, leaf, bounds, nodes));
    if (leaf) return walk_leaf(page, nodes);
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      Bounds inner = bounds;
      if (i > 0) inner.from = nodes[i].key;
      if (i + 1 < nodes.size()) inner.to = nodes[i + 1].key;
      SATCHEL_TRY(walk_page(nodes[i].child, static_cast<std::uint16_t>(level + 1), inner));
    }
    return {};
  }

  Status walk_leaf(std::uint64_t page, const std::vector<Node>& nodes) {
    entries_ += nodes.size();
    for (const Node& node : nodes) {
      if (node.flags == kSubTree) continue;
      if (node.flags == kBigValue) {
        SATCHEL_TRY(walk_overflow(number_at<std::uint64_t>(node.value), node.size));
      } else if (node.flags != 0) {
        return corrupt(page, "flags of a node");
      }
      if (kind_ == Kind::kFree) SATCHEL_TRY(note_free(page, node));
      if (kind_ == Kind::kMain && node.key == row_) {
        if (node.flags != 0) return corrupt(page, "the format row");
        named_row_ = Bytes{node.value, node.size};
      }
    }
    if (kind_ == Kind::kMain) return walk_named(page, nodes);
    for (const Node& node : nodes) {
      if (node.flags == kSubTree) return corrupt(page, "a tree inside a tree");
    }
    return {};
  }

  // The trees of the named tables; their rows hold the tree's description.
  Status walk_named(std::uint64_t page, const std::vector<Node>& nodes) {
    const std::uint16_t depth = depth_;
    const std::uint64_t entries = entries_;
    kind_ = Kind::kNamed;
    std::vector<Tree> trees;
    for (const Node& node : nodes) {
      if (node.flags != kSubTree) continue;
      if (node.size != kTreeBytes) return corrupt(page, "size of a tree's row");
      trees.emplace_back(node.value);
    }
    auto levels = std::make_unique<Levels>();
    std::swap(*levels, nodes_);  // The levels above are still being read.
    for (const Tree& tree : trees) {
      if (tree.flags != 0 || tree.pad != 0) return corrupt(page, "flags of a tree");
      SATCHEL_TRY(walk_tree(tree));
    }
    std::swap(*levels, nodes_);
    kind_ = Kind::kMain;
    depth_ = depth;
    entries_ = entries;
    return {};
  }

  Status walk_overflow(std::uint64_t page, std::size_t size) {
    const std::uint64_t count = (kPageHead - 1 + size) / page_size_ + 1;
    if (page > page_count_ || count > page_count_ - page) {
      return corrupt(page, "a large value past the end; the file may be cut");
    }
    for (std::uint64_t i = 0; i < count; ++i) SATCHEL_TRY(use_page(page + i));
    const char* at = page_at(page);
    if (number_at<std::uint64_t>(at) != page || number_at<std::uint16_t>(at + 10) != kOverflow ||
        number_at<std::uint32_t>(at + 12) != count) {
      return corrupt(page, "head of a large value");
    }
    return {};
  }

  // A row of the free tree: a count, and so many page numbers, falling.
  Status note_free(std::uint64_t page, const Node& node) {
    const char* at = node.value;
    if (node.flags == kBigValue) at = page_at(number_at<std::uint64_t>(at)) + kPageHead;
    if (number_at<std::uint64_t>(node.key.data()) > newest_->transaction) {
      return corrupt(page, "a free list of the future");
    }
    if (node.size < 8 || node.size % 8 != 0) return corrupt(page, "size of a free list");
    const auto count = number_at<std::uint64_t>(at);
    // A count of zero is a row that LMDB set aside and did not need.
    if (count > node.size / 8 - 1) return corrupt(page, "length of a free list");
    std::uint64_t last = kNoPage;
    for (std::uint64_t i = 1; i <= count; ++i) {
      const auto free = number_at<std::uint64_t>(at + 8 * i);
      if (free >= last || free < 2 || free > newest_->last_page) {
        return corrupt(page, "a number in a free list");
      }
      last = free;
      free_.push_back(free);
    }
    return {};
  }

  // Pages past the end of the file must all be free: LMDB does not write a page that was taken and
  // given back by one transaction.
  Status check_free_pages() {
    std::set<std::uint64_t> past_end;
    for (const std::uint64_t page : free_) {
      if (page >= page_count_) {
        if (!past_end.insert(page).second) return corrupt(page, "a page free twice");
        continue;
      }
      if (used_[page]) return corrupt(page, "a page both free and used");
      used_[page] = true;
    }
    const std::uint64_t last = newest_->last_page;
    const std::uint64_t missing = last + 1 > page_count_ ? last + 1 - page_count_ : 0;
    if (past_end.size() != missing) return corrupt(last, "the file is cut");
    return {};
  }

  using Levels = std::array<std::vector<Node>, kDepthMax>;
  const Mapping& file_;
  const ByteView row_;
  std::size_t page_size_ = 0;
  std::uint64_t page_count_ = 0;
  std::optional<Meta> newest_;
  std::vector<bool> used_;
  std::vector<std::uint64_t> free_;
  std::optional<Bytes> named_row_;
  Kind kind_ = Kind::kMain;
  std::uint16_t depth_ = 0;
  std::uint64_t entries_ = 0;
  Levels nodes_;  // Of the pages on the way down.
};

}  // namespace

Result<DataFile> examine_data_file(const std::string& path, ByteView row) {
  auto file = Mapping::open(path);
  if (!file) return file.error();
  return Walk{*file, row}.run();
}

bool is_without_commit(const std::string& path) {
  const auto file = Mapping::open(path);
  if (!file) return false;
  const auto page_size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  constexpr std::size_t kSector = 512;  // Holds the whole of a meta page; never torn.
  if (file->size() > 3 * page_size) return false;
  for (std::size_t at = 0; at < 2 * page_size && at < file->size(); at += page_size) {
    const ByteView sector{file->at() + at, std::min(kSector, file->size() - at)};
    if (sector.find_first_not_of('\0') == ByteView::npos) continue;
    const bool first = sector.size() == kSector &&
                       number_at<std::uint32_t>(sector.data() + 16) == 0xBEEFC0DE &&
                       Meta{sector.data()}.transaction == 0;
    if (!first) return false;
  }
  return true;
}

}  // namespace satchel::sync
