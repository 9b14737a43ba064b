#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "runtime/base/file_system.h"
#include "storage/repo/anomalies.h"
#include "storage/repo/conversations.h"
#include "storage/repo/entities.h"
#include "storage/repo/inventory.h"
#include "storage/repo/readings.h"
#include "storage/repo/user_database.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace linnet::repo {
namespace {

using linnet::testing::IsOk;
using linnet::testing::StatusIs;
using linnet::testing::TempDir;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

base::FileSystem& Fs() { return base::FileSystem::Real(); }

std::unique_ptr<UserDatabase> InMemory() {
  auto db = UserDatabase::OpenInMemory(FieldCipher(std::string(32, 'k')));
  EXPECT_THAT(db, IsOk());
  return *std::move(db);
}

std::vector<TimedValue> Values(int from, int count) {
  std::vector<TimedValue> values;
  for (int i = from; i < from + count; ++i) values.push_back({absl::FromUnixSeconds(1'000 + i), i * 0.5});
  return values;
}

TEST(UserDatabaseTest, KeepsItsFolderAndKeyToTheOwner) {
  const TempDir dir;
  ASSERT_THAT(UserDatabase::Open(Fs(), dir / "user"), IsOk());
  EXPECT_EQ(Fs().Stat(dir / "user")->mode, 0700U);
  EXPECT_EQ(Fs().Stat(dir / "user/key")->mode, 0600U);
  EXPECT_EQ(Fs().Stat(dir / "user/user.db")->mode, 0600U);
}

TEST(UserDatabaseTest, RefusesAFolderThatOthersMayEnterAndAKeyThatOthersMayRead) {
  const TempDir dir;
  ASSERT_THAT(UserDatabase::Open(Fs(), dir / "user"), IsOk());
  ASSERT_EQ(chmod((dir / "user").c_str(), 0755), 0);
  EXPECT_THAT(UserDatabase::Open(Fs(), dir / "user"),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("chmod 700")));
  ASSERT_EQ(chmod((dir / "user").c_str(), 0700), 0);
  ASSERT_EQ(chmod((dir / "user/key").c_str(), 0644), 0);
  EXPECT_THAT(UserDatabase::Open(Fs(), dir / "user"),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("chmod 600")));
}

TEST(UserDatabaseTest, SaysThatTheKeyIsMissingInsteadOfMakingAnotherOne) {
  const TempDir dir;
  ASSERT_THAT(UserDatabase::Open(Fs(), dir / "user"), IsOk());
  std::filesystem::remove(dir / "user/key");
  EXPECT_THAT(UserDatabase::Open(Fs(), dir / "user"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("key of this device's user data")));
}

TEST(UserDatabaseTest, TextsDoNotStandInTheFile) {
  const TempDir dir;
  {
    auto db = UserDatabase::Open(Fs(), dir / "user");
    ASSERT_THAT(db, IsOk());
    Inventory inventory(**db);
    Entities entities(**db);
    Conversations conversations(**db);
    Anomalies anomalies(**db);
    auto readings = Readings::Open(**db, {});
    ASSERT_THAT((*db)->Write([&]() -> absl::Status {
      EXPECT_THAT(inventory.Replace({{"Marzipankartoffeln", 3, "Stueckzahl", std::nullopt}}), IsOk());
      EXPECT_THAT(entities.Replace({{0, "Hobbykeller", "", {"Bastelraum"}, {}}}, "Hobbykeller"), IsOk());
      EXPECT_THAT(conversations.Add({0, absl::UnixEpoch(), 1, false, "Geheimfrage", "Geheimantwort"}),
                  IsOk());
      AnomalyRow anomaly;
      anomaly.channel = "schluesselkanal";
      EXPECT_THAT(anomalies.Put(anomaly), IsOk());
      return (*readings)->Append("messkanal_eins", "mm/s", Values(0, 10));
    }),
                IsOk());
  }
  std::string bytes;
  for (const auto& entry : std::filesystem::directory_iterator(dir / "user")) {
    std::ifstream file(entry.path(), std::ios::binary);
    bytes.append(std::istreambuf_iterator<char>(file), {});
  }
  for (const char* text :
       {"Marzipan", "Stueckzahl", "Hobbykeller", "Bastelraum", "Geheim", "schluessel", "messkanal", "mm/s"}) {
    EXPECT_EQ(bytes.find(text), std::string::npos) << text;
  }
}

TEST(FieldCipherTest, AValueMovedToAnotherColumnDoesNotOpen) {
  const FieldCipher cipher(std::string(32, 'k'));
  const std::string sealed = cipher.Seal("text", "inventory.texts");
  EXPECT_EQ(*cipher.Open(sealed, "inventory.texts"), "text");
  EXPECT_THAT(cipher.Open(sealed, "entities.texts"), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(FieldCipher(std::string(32, 'x')).Open(sealed, "inventory.texts"),
              StatusIs(absl::StatusCode::kDataLoss));
}

TEST(FieldCipherTest, TextsComeBackWhatTheyHold) {
  const FieldCipher cipher(std::string(32, 'k'));
  const std::vector<std::string> texts = {"", "a", std::string("\0x", 2), std::string(70'000, 'y')};
  EXPECT_EQ(*cipher.OpenTexts(cipher.SealTexts(texts, "c"), "c"), texts);
  EXPECT_THAT(cipher.OpenTexts(cipher.Seal(std::string("\xff\x00\x00\x00z", 5), "c"), "c"),
              StatusIs(absl::StatusCode::kDataLoss));
}

TEST(ReadingsTest, FillsBlocksWhateverTheBatches) {
  auto db = InMemory();
  auto readings = *Readings::Open(*db, {});
  ASSERT_THAT(db->Write([&]() -> absl::Status {
    int at = 0;
    for (const int batch : {1, 1, 254, 1, 300, 600}) {
      EXPECT_THAT(readings->Append("a", "u", Values(at, batch)), IsOk());
      at += batch;
    }
    return readings->Append("b", "", Values(0, 3));
  }),
              IsOk());
  ASSERT_THAT(db->Read([&]() -> absl::Status {
    const auto channels = *readings->Channels();
    EXPECT_THAT(channels, SizeIs(2));
    EXPECT_EQ(channels[0].name, "a");
    EXPECT_EQ(channels[0].unit, "u");
    EXPECT_EQ(channels[0].readings, 1157U);
    const auto latest = *readings->Latest(channels[0].id, 1'000);
    EXPECT_THAT(latest, SizeIs(1'000));
    for (size_t i = 0; i < latest.size(); ++i) EXPECT_EQ(latest[i].value, (157 + static_cast<int>(i)) * 0.5);
    EXPECT_EQ(latest.back().time, absl::FromUnixSeconds(1'000 + 1156));
    EXPECT_EQ(*readings->Total(), 1160U);
    auto blocks = *db->db().Prepare("SELECT COUNT(*) FROM reading_blocks WHERE channel_id = 1");
    EXPECT_TRUE(*blocks.Step());
    EXPECT_EQ(blocks.Int(0), 5);  // ceil(1157 / 256)
    return absl::OkStatus();
  }),
              IsOk());
}

TEST(ReadingsTest, DropsTheOldestAboveItsBytesAndWhatIsTooOld) {
  auto db = InMemory();
  auto readings = *Readings::Open(*db, {.max_bytes = 50'000, .max_age = absl::Hours(1)});
  const absl::Time now = absl::FromUnixSeconds(1'000 + 10'000);
  ASSERT_THAT(db->Write([&]() -> absl::Status {
    EXPECT_THAT(readings->Append("a", "", Values(0, 10'000)), IsOk());
    EXPECT_GT(*readings->StoredBytes(), 150'000U);
    EXPECT_THAT(readings->Prune(now), IsOk());
    EXPECT_LE(*readings->StoredBytes(), 50'000U);
    EXPECT_GT(*readings->StoredBytes(), 30'000U);
    const auto latest = *readings->Latest(1, 10);
    EXPECT_EQ(latest.back().value, 9'999 * 0.5);
    EXPECT_THAT(readings->Prune(now + absl::Hours(2)), IsOk());
    EXPECT_EQ(*readings->StoredBytes(), 0U);
    EXPECT_EQ(*readings->Total(), 10'000U);
    return absl::OkStatus();
  }),
              IsOk());
}

TEST(ReadingsTest, AFailedTransactionKeepsNothing) {
  auto db = InMemory();
  auto readings = *Readings::Open(*db, {});
  EXPECT_THAT(db->Write([&]() -> absl::Status {
    EXPECT_THAT(readings->Append("a", "", Values(0, 300)), IsOk());
    return absl::AbortedError("no");
  }),
              StatusIs(absl::StatusCode::kAborted));
  ASSERT_THAT(db->Write([&] { return readings->Append("a", "", Values(0, 5)); }), IsOk());
  ASSERT_THAT(db->Read([&]() -> absl::Status {
    EXPECT_EQ(*readings->Total(), 5U);
    return absl::OkStatus();
  }),
              IsOk());
}

TEST(ReadingsTest, ADamagedTailBlockIsAnErrorEachTimeAndNotTheEnd) {
  auto db = InMemory();
  auto readings = *Readings::Open(*db, {});
  ASSERT_THAT(db->Write([&] { return readings->Append("a", "", Values(0, 5)); }), IsOk());
  ASSERT_THAT(db->db().Execute("UPDATE reading_blocks SET data = x'00'"), IsOk());
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(db->Write([&] { return readings->Append("a", "", Values(5, 5)); }),
                StatusIs(absl::StatusCode::kDataLoss));
  }
}

TEST(AnomaliesTest, OneRowPerChannelAndStart) {
  auto db = InMemory();
  Anomalies anomalies(*db);
  ASSERT_THAT(db->Write([&]() -> absl::Status {
    AnomalyRow row;
    row.channel = "vibration_x";
    row.unit = "mm/s";
    row.axis = "x";
    row.feature = "rms";
    row.value = 7.4;
    row.baseline = 2.25;
    row.z = 1e300;
    row.start = absl::FromUnixMicros(1'700'000'000'123'456);
    row.duration = absl::Seconds(5);
    row.direction = 1;
    row.severity = 2;
    row.ongoing = true;
    const int64_t id = *anomalies.Put(row);
    row.value = 8.1;
    EXPECT_EQ(*anomalies.Put(row), id);
    row.channel = "vibration_y";
    const int64_t other = *anomalies.Put(row);
    EXPECT_NE(other, id);
    EXPECT_EQ(*anomalies.Count(), 2U);
    const AnomalyRow back = *anomalies.Get(id);
    EXPECT_EQ(back.channel, "vibration_x");
    EXPECT_EQ(back.unit, "mm/s");
    EXPECT_EQ(back.axis, "x");
    EXPECT_EQ(back.feature, "rms");
    EXPECT_EQ(back.value, 8.1);
    EXPECT_EQ(back.baseline, 2.25);
    EXPECT_EQ(back.z, 1e300);
    EXPECT_EQ(back.start, absl::FromUnixMicros(1'700'000'000'123'456));
    EXPECT_EQ(back.duration, absl::Seconds(5));
    EXPECT_TRUE(back.ongoing);
    EXPECT_THAT(anomalies.EndAll(), IsOk());
    EXPECT_FALSE(anomalies.Get(id)->ongoing);
    EXPECT_THAT(anomalies.Get(99), StatusIs(absl::StatusCode::kNotFound, HasSubstr("99")));
    return absl::OkStatus();
  }),
              IsOk());
}

TEST(InventoryTest, ReplacesAll) {
  auto db = InMemory();
  Inventory inventory(*db);
  const absl::Time use_by = absl::FromUnixSeconds(5'000);
  ASSERT_THAT(db->Write([&]() -> absl::Status {
    EXPECT_THAT(inventory.Replace({{"old", 1, "", std::nullopt}}), IsOk());
    return inventory.Replace({{"Lachs", 200, "g", use_by}, {"Spinat", 1, "", std::nullopt}});
  }),
              IsOk());
  const auto rows = *inventory.List();
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ(rows[0].name, "Lachs");
  EXPECT_EQ(rows[0].quantity, 200);
  EXPECT_EQ(rows[0].unit, "g");
  EXPECT_EQ(rows[0].use_by, use_by);
  EXPECT_EQ(rows[1].use_by, std::nullopt);
}

TEST(EntitiesTest, KeepsNamesAliasesAndStates) {
  auto db = InMemory();
  Entities entities(*db);
  EXPECT_EQ(*entities.OwnRoom(), "");
  ASSERT_THAT(db->Write([&] {
    return entities.Replace(
        {{0, "Küche", "", {"kitchen", "galley"}, {{"light", "on"}, {"temperature", "21.5"}}},
         {1, "Lampe", "Küche", {}, {}}},
        "Küche");
  }),
              IsOk());
  const auto rows = *entities.List();
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ(rows[0].name, "Küche");
  EXPECT_THAT(rows[0].aliases, ElementsAre("kitchen", "galley"));
  EXPECT_EQ(rows[0].state.at("temperature"), "21.5");
  EXPECT_EQ(rows[1].kind, 1);
  EXPECT_EQ(rows[1].room, "Küche");
  EXPECT_THAT(rows[1].aliases, IsEmpty());
  EXPECT_EQ(*entities.OwnRoom(), "Küche");
}

TEST(ConversationsTest, KeepsTheLastThousand) {
  auto db = InMemory();
  Conversations conversations(*db);
  ASSERT_THAT(db->Write([&]() -> absl::Status {
    for (int i = 0; i < 1'100; ++i) {
      EXPECT_THAT(conversations.Add({0, absl::FromUnixSeconds(i), 2, i % 2 == 0, absl::StrCat("q", i), "a"}),
                  IsOk());
    }
    return absl::OkStatus();
  }),
              IsOk());
  const auto rows = *conversations.Latest(2'000);
  ASSERT_THAT(rows, SizeIs(Conversations::kMaxRows));
  EXPECT_EQ(rows.front().question, "q1099");
  EXPECT_EQ(rows.back().question, "q100");
  EXPECT_TRUE(rows.back().from_template);
}

}  // namespace
}  // namespace linnet::repo
