/*
 * Runs nuseg on the open image, and shows its nuclei.
 *
 * In QuPath: open the image, then Automate > Script editor > File > Open, set `nuseg` below, and Run.
 * If annotations are selected, nuclei are counted in these areas alone.
 *
 * Nuclei of an earlier run are replaced; nothing else is touched. QuPath 0.5 or newer.
 */
import java.nio.file.Files

import qupath.lib.io.PathIO

import static qupath.lib.scripting.QP.*

// Where the program is: its name, or the whole path, such as "/home/me/venv/bin/nuseg" or "C:/venv/Scripts/nuseg.exe".
def nuseg = args ? args[0] : "nuseg"
// Further options, such as ["--quality", "fast"] or ["--model", "/data/run1"].
def options = args ? args.drop(1) as List : []

def imageData = getCurrentImageData()
if (imageData == null) {
    println "No image is open."
    return
}
def server = imageData.getServer()
def uri = server.getURIs().find { it.getScheme() == "file" }
if (uri == null) {
    println "${server.getMetadata().getName()}: is no file on this machine, so nuseg cannot read it."
    return
}
def image = new File(uri)
def folder = getProject() == null ? Files.createTempDirectory("nuseg").toFile() : new File(buildFilePath(PROJECT_BASE_DIR, "nuseg"))
folder.mkdirs()

def command = [nuseg, "segment", image.getPath(), "-o", folder.getPath(), "--output", "geojson,csv", "--overwrite"]
def calibration = server.getPixelCalibration()
if (calibration.hasPixelSizeMicrons())
    command += ["--mpp", "" + calibration.getAveragedPixelSizeMicrons()]
def areas = getSelectedObjects().findAll { it.isAnnotation() && it.getROI().isArea() }
if (areas) {
    def region = new File(folder, "region.geojson")
    exportObjectsToGeoJson(areas, region.getPath(), "FEATURE_COLLECTION")
    command += ["--region", region.getPath()]
}
command += options

println command.join(" ")
def process
try {
    process = new ProcessBuilder(command.collect { "" + it }).redirectErrorStream(true).start()
} catch (IOException e) {
    println "${nuseg}: cannot be started (${e.getMessage()}): write the whole path of the program into this script."
    return
}
process.getInputStream().eachLine("UTF-8") { println it }
if (process.waitFor() != 0) {
    println "nuseg has failed: see above."
    return
}

def name = image.getName().replaceFirst(/\.[^.]*$/, "")
def nuclei = PathIO.readObjects(new File(folder, "geojson/" + name + ".geojson").toPath())
def hierarchy = imageData.getHierarchy()
def earlier = hierarchy.getDetectionObjects().findAll { "${it.getPathClass()}" == "Nucleus" }
if (areas)
    earlier = earlier.findAll { nucleus ->
        areas.any { it.getROI().contains(nucleus.getROI().getCentroidX(), nucleus.getROI().getCentroidY()) }
    }
hierarchy.removeObjects(earlier, true)
hierarchy.addObjects(nuclei)
println "${nuclei.size()} nuclei; tables in ${new File(folder, 'csv')}"
