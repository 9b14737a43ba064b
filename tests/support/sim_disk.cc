#include "tests/support/sim_disk.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <utility>

#include "runtime/base/posix_status.h"
#include "runtime/base/status_macros.h"

namespace linnet::testing {
namespace {

constexpr size_t kSectorBytes = 512;

void Put(std::string& bytes, uint64_t offset, std::string_view data) {
  if (bytes.size() < offset + data.size()) bytes.resize(offset + data.size(), '\0');
  bytes.replace(offset, data.size(), data);
}

}  // namespace

SimDisk::SimDisk(std::string root) : root_(std::move(root)) {
  files_ = MakeSimFiles(*this);
  vfs_ = RegisterSimVfs(*this);
}

SimDisk::~SimDisk() = default;

void SimDisk::CutPowerAfter(int changes, std::function<void()> on_cut) {
  const std::lock_guard lock(mutex);
  cut_after_ = changes;
  on_cut_ = std::move(on_cut);
}

bool SimDisk::powered() const {
  const std::lock_guard lock(mutex);
  return powered_;
}

int SimDisk::changes() const {
  const std::lock_guard lock(mutex);
  return changes_;
}

void SimDisk::ResetCounts() {
  const std::lock_guard lock(mutex);
  changes_ = 0;
}

bool SimDisk::Step() {
  const std::lock_guard lock(mutex);
  return Ask(kOtherStep, true).error == 0;
}

void SimDisk::SetFault(const DiskFault& fault) {
  const std::lock_guard lock(mutex);
  fault_ = fault;
  matched_ = 0;
  failed_ = false;
}

void SimDisk::Repair() {
  const std::lock_guard lock(mutex);
  fault_ = {};
}

bool SimDisk::failed() const {
  const std::lock_guard lock(mutex);
  return failed_;
}

SimDisk::Verdict SimDisk::Ask(DiskOp op, bool change) {
  if (!powered_) return {.error = EIO};
  if (change) {
    ++changes_;
    if (cut_after_ == 0) {
      powered_ = false;
      if (on_cut_) on_cut_();
      return {.error = EIO, .cut = true};
    }
    if (cut_after_ > 0) --cut_after_;
  }
  if ((fault_.ops & op) == 0) return {};
  const int nth = matched_++;
  if (nth < fault_.after || (nth > fault_.after && !fault_.for_good)) return {};
  failed_ = true;
  return {.error = fault_.error, .half = fault_.half};
}

SimDisk::Inode SimDisk::Find(const std::string& path) const {
  const auto it = now_.names.find(path);
  return it == now_.names.end() ? nullptr : it->second;
}

bool SimDisk::HasFolder(const std::string& path) const {
  if (path == root_ || root_.starts_with(path + "/") || path == "/") return true;
  const Inode inode = Find(path);
  return inode != nullptr && inode->folder;
}

void SimDisk::Apply(std::map<std::string, Inode>& names, const NameChange& change) {
  if (change.from.empty()) {
    names[change.to] = change.inode;
  } else if (change.to.empty()) {
    names.erase(change.from);
  } else {
    std::map<std::string, Inode> moved;
    const std::string below = change.from + "/";
    for (auto it = names.lower_bound(below); it != names.end() && it->first.starts_with(below);) {
      moved.emplace(change.to + "/" + it->first.substr(below.size()), it->second);
      it = names.erase(it);
    }
    names.erase(change.from);
    names[change.to] = change.inode;
    names.merge(moved);
  }
}

void SimDisk::AddName(const std::string& path, const Inode& inode) {
  now_.unsynced.push_back({"", path, inode});
  Apply(now_.names, now_.unsynced.back());
}

void SimDisk::RemoveName(const std::string& path) {
  now_.unsynced.push_back({path, "", nullptr});
  Apply(now_.names, now_.unsynced.back());
}

void SimDisk::Rename(const std::string& from, const std::string& to) {
  // What happened in the folder happened in it under its new name.
  const std::string below = from + "/";
  for (NameChange& change : now_.unsynced) {
    for (std::string* name : {&change.from, &change.to}) {
      if (name->starts_with(below)) *name = to + "/" + name->substr(below.size());
    }
  }
  now_.unsynced.push_back({from, to, Find(from)});
  Apply(now_.names, now_.unsynced.back());
}

void SimDisk::SyncNames(const std::string& folder) {
  std::vector<NameChange> left;
  for (NameChange& change : now_.unsynced) {
    const std::string& name = change.to.empty() ? change.from : change.to;
    if (base::ParentFolder(name) == folder) {
      Apply(now_.durable, change);
    } else {
      left.push_back(std::move(change));
    }
  }
  now_.unsynced = std::move(left);
}

std::vector<std::string> SimDisk::NamesIn(const std::string& folder) const {
  std::vector<std::string> names;
  const std::string below = folder + "/";
  for (auto it = now_.names.lower_bound(below); it != now_.names.end() && it->first.starts_with(below);
       ++it) {
    if (it->first.find('/', below.size()) == std::string::npos) {
      names.push_back(it->first.substr(below.size()));
    }
  }
  return names;
}

void SimDisk::Write(SimInode& inode, uint64_t offset, std::string_view data) {
  inode.unsynced.push_back({offset, std::string(data), false});
  Put(inode.bytes, offset, data);
  inode.unreadable = false;
}

void SimDisk::Resize(SimInode& inode, uint64_t size) {
  inode.unsynced.push_back({size, "", true});
  inode.bytes.resize(size, '\0');
}

void SimDisk::Sync(SimInode& inode) {
  inode.durable = inode.bytes;
  inode.unsynced.clear();
}

void SimDisk::Settle(SimInode& inode, Unsynced what, std::mt19937_64& random) {
  for (const SimInode::Change& change : inode.unsynced) {
    const auto stays = [&] {
      return what == Unsynced::kKept || (what == Unsynced::kTorn && random() % 2 == 0);
    };
    if (change.resize) {
      if (stays()) inode.durable.resize(change.offset, '\0');
      continue;
    }
    for (size_t at = 0; at < change.data.size();) {
      // Up to the next border of a sector of the disk.
      const size_t size =
          std::min(kSectorBytes - (change.offset + at) % kSectorBytes, change.data.size() - at);
      if (stays()) Put(inode.durable, change.offset + at, std::string_view(change.data).substr(at, size));
      at += size;
    }
  }
  inode.bytes = inode.durable;
  inode.unsynced.clear();
  inode.locks.reset();
}

void SimDisk::PowerOn(Unsynced what, uint64_t seed) {
  const std::lock_guard lock(mutex);
  LINNET_CHECK(open_databases == 0);
  std::mt19937_64 random(seed);
  size_t kept = what == Unsynced::kKept ? now_.unsynced.size() : 0;
  // Journals of file systems keep the order of names.
  if (what == Unsynced::kTorn) kept = random() % (now_.unsynced.size() + 1);
  for (size_t i = 0; i < kept; ++i) Apply(now_.durable, now_.unsynced[i]);
  now_.unsynced.clear();
  now_.names.clear();
  for (const auto& [name, inode] : now_.durable) {
    // What lay in a folder that was lost is lost; a folder comes before what is in it.
    const std::string parent = base::ParentFolder(name);
    if (HasFolder(parent)) now_.names.emplace(name, inode);
  }
  now_.durable = now_.names;
  for (const auto& [name, inode] : now_.names) Settle(*inode, what, random);
  powered_ = true;
  cut_after_ = -1;
  on_cut_ = nullptr;
  ++epoch_;
}

SimDisk::Image SimDisk::Copy(const Image& image) {
  std::map<const SimInode*, Inode> copies;
  const auto copy = [&](const Inode& inode) -> Inode {
    if (inode == nullptr) return nullptr;
    Inode& known = copies[inode.get()];
    if (known == nullptr) {
      known = std::make_shared<SimInode>(*inode);
      known->locks.reset();
    }
    return known;
  };
  Image out;
  for (const auto& [name, inode] : image.names) out.names.emplace(name, copy(inode));
  for (const auto& [name, inode] : image.durable) out.durable.emplace(name, copy(inode));
  for (const NameChange& change : image.unsynced) {
    out.unsynced.push_back({change.from, change.to, copy(change.inode)});
  }
  return out;
}

SimDisk::Image SimDisk::Save() const {
  const std::lock_guard lock(mutex);
  return Copy(now_);
}

void SimDisk::Load(const Image& image) {
  const std::lock_guard lock(mutex);
  LINNET_CHECK(open_databases == 0);
  now_ = Copy(image);
  powered_ = false;
  ++epoch_;
}

void SimDisk::Import(const std::string& folder) {
  const std::lock_guard lock(mutex);
  const auto add = [&](const std::string& path, bool is_folder) {
    auto inode = std::make_shared<SimInode>();
    inode->folder = is_folder;
    if (!is_folder) {
      std::ifstream file(path, std::ios::binary);
      inode->bytes.assign(std::istreambuf_iterator<char>(file), {});
      inode->durable = inode->bytes;
    }
    now_.names[path] = now_.durable[path] = inode;
  };
  for (std::string above = folder; !HasFolder(above); above = base::ParentFolder(above)) add(above, true);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    add(entry.path().string(), entry.is_directory());
  }
}

}  // namespace linnet::testing
